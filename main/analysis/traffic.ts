import type { Plan, StepPass } from '../../kernels/plan/plan.ts'
import { type Channel, type Payload, PAYLOADS } from '../../kernels/timeline/categories.ts'
import type { TrafficFigures } from '../../preload/contract/run.ts'
import { channelOfSpan } from '../timeline/rankLanes.ts'
import type { Timeline } from '../timeline/timeline.ts'

/** One block that arrived. */
export interface Transfer {
  readonly channel: Channel
  readonly payload: Payload
  readonly step: number
  /** The rank it came from. */
  readonly sender: number
  readonly bytes: number
}

/**
 * The block that a `recv` span of one of our own runs is about; null where its lane is no channel's, as in a trace that
 * was changed. A trace from before payloads were recorded has only rings of K/V, so a receive without one is K/V.
 */
export function transferOf(timeline: Timeline, index: number): Transfer | null {
  const { spans } = timeline
  const channel = channelOfSpan(timeline, index)
  if (channel === null) return null
  const payload = PAYLOADS[spans.payload[index]]
  return {
    channel, payload: payload === 'none' ? 'kv' : payload,
    step: spans.step[index], sender: spans.peer[index], bytes: spans.bytes[index],
  }
}

type Kind = Pick<TrafficFigures, 'channel' | 'payload' | 'pass'>
const keyOf = ({ channel, payload, pass }: Kind): string => `${channel} ${payload} ${pass}`

interface Count {
  readonly kind: Kind
  /** Transfers by iteration and sender, and the bytes of all. */
  readonly bySender: readonly Map<number, number>[]
  transfers: number
  bytes: number
}

function countTransfers(plan: Plan, iterations: readonly { readonly transfers: readonly Transfer[] }[]): ReadonlyMap<string, Count> {
  const counts = new Map<string, Count>()
  const passOf = (step: number): StepPass => plan.ranks[0].steps.at(step)?.pass ?? 'forward'
  for (const [slot, { transfers }] of iterations.entries()) {
    for (const { channel, payload, step, sender, bytes } of transfers) {
      const kind = { channel, payload, pass: passOf(step) }
      const key = keyOf(kind)
      const count = counts.get(key) ?? { kind, bySender: iterations.map(() => new Map<number, number>()), transfers: 0, bytes: 0 }
      counts.set(key, count)
      const ofSender = count.bySender[slot]
      ofSender.set(sender, (ofSender.get(sender) ?? 0) + 1)
      count.transfers++
      count.bytes += bytes
    }
  }
  return counts
}

/**
 * Transfers of each kind, counted from what arrived, beside the plan's: of the rank that sends most, mean over
 * iterations. Kinds come in the plan's order; one that arrived without being planned comes last, with 0 for theory.
 */
export function trafficFigures(plan: Plan, iterations: readonly { readonly transfers: readonly Transfer[] }[]): TrafficFigures[] {
  const counts = countTransfers(plan, iterations)
  const measured = (key: string): Pick<TrafficFigures, 'hops' | 'bytesPerHop'> => {
    const count = counts.get(key)
    if (count === undefined) return { hops: 0, bytesPerHop: 0 }
    const most = count.bySender.map((senders) => Math.max(0, ...senders.values()))
    return { hops: most.reduce((sum, hops) => sum + hops, 0) / most.length, bytesPerHop: count.bytes / count.transfers }
  }
  const planned = new Set(plan.traffic.map(keyOf))
  return [
    ...plan.traffic.map(({ channel, payload, pass, hops, bytesPerHop }) => ({
      channel, payload, pass, ...measured(keyOf({ channel, payload, pass })), theory: { hops, bytesPerHop },
    })),
    ...[...counts].filter(([key]) => !planned.has(key)).map(([key, { kind }]) => ({
      ...kind, ...measured(key), theory: { hops: 0, bytesPerHop: 0 },
    })),
  ]
}

/**
 * K/V transfers of a forward pass, inner and outer rings together; where there is no ring the messages of the all-to-all
 * that begins it, as `Plan.hops` counts.
 */
export function keyValueHops(traffic: readonly TrafficFigures[]): Pick<TrafficFigures, 'hops' | 'bytesPerHop'> {
  const forward = (payload: Payload): TrafficFigures[] => traffic.filter((kind) => kind.pass === 'forward' && kind.payload === payload)
  const ring = forward('kv')
  const counted = ring.length > 0 ? ring : forward('qkv')
  const hops = counted.reduce((sum, kind) => sum + kind.hops, 0)
  return { hops, bytesPerHop: hops === 0 ? 0 : counted.reduce((sum, kind) => sum + kind.hops * kind.bytesPerHop, 0) / hops }
}
