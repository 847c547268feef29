import type { Channel, Payload } from '../../kernels/timeline/categories.ts'

/** What travels, in words; one table for the page and the command line. */
export const PAYLOAD_LABELS: Readonly<Record<Payload, string>> = {
  kv: 'K/V',
  dkv: 'dK/dV',
  query: 'Q',
  partial: 'partial output',
  dq: 'dQ',
  qkv: 'Q, K, V',
  out: 'output',
  dout: 'dO',
  dqkv: 'dQ, dK, dV',
}

/** Where a channel leads, where that is not said by the payload alone. */
const WAYS: Readonly<Partial<Record<Channel, string>>> = {
  'kv-outer': 'between windows', 'dkv-outer': 'between windows', 'all-to-all': 'all-to-all',
}

/** "K/V", "dK/dV, between windows" or "Q, K, V, all-to-all". */
export function describeTransfer(
  { channel, payload, pass }: { readonly channel: Channel; readonly payload: Payload; readonly pass: 'forward' | 'backward' },
): string {
  const what = payload === 'query' && pass === 'backward' ? 'Q, dO, lse' : PAYLOAD_LABELS[payload]
  const way = WAYS[channel]
  return way === undefined ? what : `${what}, ${way}`
}
