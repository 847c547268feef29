import { SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { SelectionStats } from '../../preload/contract/timeline.ts'
import { longer } from './columns.ts'
import { spanIndexOf } from './knownIndex.ts'
import { lowerBound } from './sortByKey.ts'
import type { SpanIndex } from './spanIndex.ts'
import type { Timeline } from './timeline.ts'

const MOST_ROWS = 200

/** Sums by name and category, in columns: slots are given out as they are met. */
class Sums {
  readonly #nameCount: number
  /** By category, then name: the slot plus 1. */
  readonly #slots: (Uint32Array | undefined)[] = []
  #capacity = 256
  length = 0
  name = new Uint32Array(this.#capacity)
  category = new Uint32Array(this.#capacity)
  count = new Uint32Array(this.#capacity)
  span = new Uint32Array(this.#capacity)
  totalNs = new Float64Array(this.#capacity)
  longestNs = new Float64Array(this.#capacity)

  constructor(nameCount: number) {
    this.#nameCount = nameCount
  }

  /** The slots of a category by name, each plus 1. */
  slotsOf(category: number): Uint32Array {
    return this.#slots[category] ??= new Uint32Array(this.#nameCount)
  }

  /** Gives out a slot, which begins with `span` as the longest. */
  open(name: number, category: number, span: number): number {
    if (this.length === this.#capacity) this.#grow()
    const slot = this.length++
    this.name[slot] = name
    this.category[slot] = category
    this.span[slot] = span
    this.slotsOf(category)[name] = slot + 1
    return slot
  }

  #grow(): void {
    this.#capacity *= 2
    const capacity = this.#capacity
    this.name = longer(this.name, new Uint32Array(capacity))
    this.category = longer(this.category, new Uint32Array(capacity))
    this.count = longer(this.count, new Uint32Array(capacity))
    this.span = longer(this.span, new Uint32Array(capacity))
    this.totalNs = longer(this.totalNs, new Float64Array(capacity))
    this.longestNs = longer(this.longestNs, new Float64Array(capacity))
  }
}

/** Adds what of a row is in the window. @returns the number of spans. */
function addRow(index: SpanIndex, row: number, names: Uint32Array, startNs: number, endNs: number, sums: Sums): number {
  const { startNs: starts, endNs: ends, span } = index
  const category = index.rowCategory[row]
  const slots = sums.slotsOf(category)
  const to = index.rowFrom[row + 1]
  let added = 0
  for (let at = lowerBound(ends, startNs, index.rowFrom[row], to); at < to && starts[at] <= endNs; at++) {
    const start = starts[at]
    const end = ends[at]
    // One that merely touches the window has no time in it.
    if (end > start && (end === startNs || start === endNs)) continue
    added++
    const name = names[span[at]]
    const slot = slots[name] === 0 ? sums.open(name, category, span[at]) : slots[name] - 1
    const trimmedNs = Math.min(end, endNs) - Math.max(start, startNs)
    sums.count[slot]++
    sums.totalNs[slot] += trimmedNs
    if (trimmedNs > sums.longestNs[slot]) {
      sums.longestNs[slot] = trimmedNs
      sums.span[slot] = span[at]
    }
  }
  return added
}

/**
 * What is in a part of a timeline: all spans that have time in the window, nested ones beside those around them, and
 * those without length that lie in it. Every duration is trimmed to the window: `longestNs` is the most time that one
 * span has in it, and of equals `spanIndex` is the first one met by lane, depth, then start.
 * @param selection `lanes` all where it is left out.
 * @throws RangeError for an empty or backward window, or a lane that is not there.
 */
export function selectionStats(timeline: Timeline, { startNs, endNs, lanes }: {
  readonly startNs: number
  readonly endNs: number
  readonly lanes?: readonly number[] | undefined
}): Omit<SelectionStats, 'timelineId'> {
  if (!(endNs > startNs)) throw new RangeError(`selection: expected a window of positive length, got ${startNs} to ${endNs} ns`)
  const index = spanIndexOf(timeline)
  const sums = new Sums(timeline.strings.length)
  let spanCount = 0
  for (const lane of lanesOf(timeline, lanes)) {
    for (let row = index.laneRows[lane]; row < index.laneRows[lane + 1]; row++) {
      spanCount += addRow(index, row, timeline.spans.name, startNs, endNs, sums)
    }
  }
  return { startNs, endNs, spanCount, ...rowsOf(timeline, sums) }
}

function lanesOf({ lanes, title }: Timeline, wanted: readonly number[] | undefined): Iterable<number> {
  if (wanted === undefined) return lanes.keys()
  for (const lane of wanted) {
    if (lanes[lane] === undefined) throw new RangeError(`selection: no lane ${lane}: "${title}" has ${lanes.length}`)
  }
  return new Set(wanted)
}

function rowsOf({ strings }: Timeline, sums: Sums): Pick<SelectionStats, 'rows' | 'moreRows'> {
  const slots = Array.from({ length: sums.length }, (_, slot) => slot).sort((a, b) => sums.totalNs[b] - sums.totalNs[a] || sums.count[b] - sums.count[a] || a - b)
  return {
    rows: slots.slice(0, MOST_ROWS).map((slot) => ({
      name: strings[sums.name[slot]], category: SPAN_CATEGORIES[sums.category[slot]], count: sums.count[slot],
      totalNs: sums.totalNs[slot], averageNs: sums.totalNs[slot] / sums.count[slot], longestNs: sums.longestNs[slot], spanIndex: sums.span[slot],
    })),
    moreRows: Math.max(0, slots.length - MOST_ROWS),
  }
}
