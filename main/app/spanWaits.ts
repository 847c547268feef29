import type { Communication } from '../comm/comm.ts'
import type { SpanWaits } from '../timeline/spanWaits.ts'

/** What the communication of a timeline says of its spans. */
export function spanWaits({ kernels, splits }: Pick<Communication, 'kernels' | 'splits'>): SpanWaits {
  const sorted = splits.toSorted((a, b) => kernels[a.kernel].span - kernels[b.kernel].span)
  return {
    span: Uint32Array.from(sorted, ({ kernel }) => kernels[kernel].span),
    waitNs: Float64Array.from(sorted, ({ waitNs }) => waitNs),
    transferNs: Float64Array.from(sorted, ({ transferNs }) => transferNs),
    estimated: Uint8Array.from(sorted, ({ method }) => (method === 'estimate' ? 1 : 0)),
    waitedFor: Int32Array.from(sorted, ({ waitedFor }) => waitedFor ?? -1),
  }
}
