import type { SpanDetails } from '../../preload/contract/timeline.ts'

type Wait = NonNullable<SpanDetails['wait']>

/** How the communication kernels of a timeline divide, in columns by ascending span index: cheap to hand to another thread. */
export interface SpanWaits {
  readonly span: Uint32Array
  /** From the kernel's start on. */
  readonly waitNs: Float64Array
  readonly transferNs: Float64Array
  /** 1 where a peer's trace is missing. */
  readonly estimated: Uint8Array
  /** Rank, -1 where none was waited for or none is known. */
  readonly waitedFor: Int32Array
}

/** Null for a span that is no communication kernel. */
export function waitOf(waits: SpanWaits, spanIndex: number): Wait | null {
  let low = 0
  let high = waits.span.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (waits.span[middle] < spanIndex) low = middle + 1
    else high = middle
  }
  if (waits.span[low] !== spanIndex) return null
  const waitedFor = waits.waitedFor[low]
  return {
    waitNs: waits.waitNs[low], transferNs: waits.transferNs[low], estimated: waits.estimated[low] === 1,
    waitedFor: waitedFor < 0 ? null : waitedFor,
  }
}
