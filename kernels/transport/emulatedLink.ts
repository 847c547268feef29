import type { Arrival, Departure } from './links.ts'

/** A link of `bandwidthGBps` (10^9 bytes a second, so bytes a nanosecond) and a latency that each block pays once. */
export interface LinkModel {
  readonly bandwidthGBps: number
  readonly latencyUs: number
}

const latencyNs = (link: LinkModel): number => link.latencyUs * 1000
const wireNs = (link: LinkModel, bytes: number): number => bytes / link.bandwidthGBps

/**
 * When a block has left over an emulated link: the real bytes move at full speed, and the link is held busy until
 * start + bytes / bandwidth. Never earlier than the real end.
 */
export function emulatedDeparture(link: LinkModel | null, real: Departure, bytes: number): Departure {
  if (link === null) return real
  return { startNs: real.startNs, endNs: Math.max(real.endNs, Math.round(real.startNs + wireNs(link, bytes))) }
}

/**
 * When a block has arrived over an emulated link: first byte at senderStart + latency, last at that + bytes / bandwidth
 * (the alpha-beta model of a message's time). A real transfer slower than that stays as it was.
 */
export function emulatedArrival(link: LinkModel | null, real: Arrival, bytes: number): Arrival {
  if (link === null) return real
  const firstNs = Math.round(real.senderStartNs + latencyNs(link))
  const lastNs = Math.round(real.senderStartNs + latencyNs(link) + wireNs(link, bytes))
  return lastNs >= real.endNs ? { senderStartNs: real.senderStartNs, startNs: firstNs, endNs: lastNs } : real
}
