import { SPAN_CATEGORIES, type Viewport } from '../../preload/contract/timeline.ts'
import type { SpanBatch } from './spanIndex.ts'

/** How the waiting at a span's start looks: as waiting does in our own runs, where it is a span. */
export const WAIT_CATEGORY = SPAN_CATEGORIES.indexOf('wait-peer')

/** Drawn spans of one lane, category and depth that begin by waiting for a late peer. Starts ascend. */
export interface WaitBatch extends SpanBatch {
  /** The part of each that is waiting, 0..1, above 0. */
  readonly share: Float64Array
  readonly estimated: boolean
}

export const isWait = (batch: SpanBatch | WaitBatch): batch is WaitBatch => 'share' in batch

/** The spans that wait, apart from the others: they are drawn once more, over themselves. */
export function waitBatches({ lane, category, depth, spanStartNs, spanEndNs, waitShare, waitEstimated }: Viewport): WaitBatch[] {
  const found = new Map<string, { readonly first: number; readonly places: number[] }>()
  for (let at = 0; at < lane.length; at++) {
    if (waitShare[at] === 0) continue
    const key = `${lane[at]}:${category[at]}:${depth[at]}:${waitEstimated[at]}`
    const places = found.get(key)?.places
    if (places === undefined) found.set(key, { first: at, places: [at] })
    else places.push(at)
  }
  return [...found.values()].map(({ first, places }) => ({
    lane: lane[first], category: category[first], depth: depth[first], estimated: waitEstimated[first] === 1,
    startNs: Float64Array.from(places, (at) => spanStartNs[at]), endNs: Float64Array.from(places, (at) => spanEndNs[at]),
    share: Float64Array.from(places, (at) => waitShare[at]),
  }))
}
