import type { SpanBatch } from './spanIndex.ts'
import { widthOf, type TimeWindow } from './timeWindow.ts'
import type { WaitBatch } from './waitBatches.ts'

/** How time becomes pixels: `left` is where the window starts, `width` how wide it is drawn. */
export interface TimeScale {
  readonly window: TimeWindow
  readonly left: number
  readonly width: number
}

export const pixelOf = (scale: TimeScale, timeNs: number): number =>
  scale.left + (timeNs - scale.window.startNs) / widthOf(scale.window) * scale.width

export const timeAt = (scale: TimeScale, pixel: number): number =>
  scale.window.startNs + (pixel - scale.left) / scale.width * widthOf(scale.window)

/** A gap narrower than this between two rectangles cannot be seen. */
const INVISIBLE_GAP = 0.5
const LEAST_WIDTH = 1
/** Spans at least this wide stay apart even when they touch: a ring step is one span, and steps should be seen. */
const SEPARATE_WIDTH = 5
const SEPARATION = 1

/** Whether a span lies before the window and only touches it. */
const endsAtEdge = ({ startNs, endNs }: SpanBatch, at: number, { window }: TimeScale): boolean =>
  endNs[at] === window.startNs && startNs[at] < endNs[at]

/**
 * Calls back with the rectangles of a batch inside the window. Narrow ones are joined where the gap between them is
 * invisible; wide ones give up a pixel, so that a line shows between neighbours.
 */
export function forEachRect(batch: SpanBatch, scale: TimeScale, emit: (x: number, width: number) => void): void {
  const { startNs, endNs } = batch
  const right = scale.left + scale.width
  let from = Number.NaN
  let to = Number.NaN
  // Whether the rectangle at hand is one wide span rather than several narrow ones.
  let single = false
  const emitRect = (): void => {
    if (!Number.isNaN(from)) emit(from, single ? to - from - SEPARATION : to - from)
  }
  for (let at = 0; at < startNs.length; at++) {
    if (startNs[at] > scale.window.endNs) break
    if (endNs[at] < scale.window.startNs || endsAtEdge(batch, at, scale)) continue
    const x0 = Math.max(scale.left, pixelOf(scale, startNs[at]))
    const x1 = Math.min(right, Math.max(pixelOf(scale, endNs[at]), x0 + LEAST_WIDTH))
    const wide = x1 - x0 >= SEPARATE_WIDTH
    if (x0 - to < INVISIBLE_GAP && !(wide && single)) {
      to = Math.max(to, x1)
      single = false
      continue
    }
    emitRect()
    from = x0
    to = x1
    single = wide
  }
  emitRect()
}

/**
 * Calls back with the part of each rectangle that is waiting. Of a narrow one it is narrower than a pixel: from afar the
 * colours then mix as the times do.
 */
export function forEachWaitRect({ startNs, endNs, share }: WaitBatch, scale: TimeScale, emit: (x: number, width: number) => void): void {
  const right = scale.left + scale.width
  for (let at = 0; at < startNs.length; at++) {
    if (startNs[at] > scale.window.endNs) break
    const x0 = pixelOf(scale, startNs[at])
    const width = Math.max(LEAST_WIDTH, pixelOf(scale, endNs[at]) - x0)
    const drawn = width >= SEPARATE_WIDTH ? width - SEPARATION : width
    const from = Math.max(scale.left, x0)
    const to = Math.min(right, x0 + Math.min(drawn, width * share[at]))
    if (to > from) emit(from, to - from)
  }
}

const HATCH_DISTANCE = 5

/** Diagonal strokes that fill a rectangle, aligned over the whole drawing so that neighbours match. */
export function forEachHatch(
  x: number, y: number, width: number, height: number, emit: (x0: number, y0: number, x1: number, y1: number) => void,
): void {
  // A stroke is the set of points with x + y = sum.
  const first = Math.ceil((x + y) / HATCH_DISTANCE) * HATCH_DISTANCE
  for (let sum = first; sum < x + width + y + height; sum += HATCH_DISTANCE) {
    const x0 = Math.max(x, sum - y - height)
    const x1 = Math.min(x + width, sum - y)
    if (x1 > x0) emit(x0, sum - x0, x1, sum - x1)
  }
}
