import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { useBridge } from '../bridge/current.ts'
import { useNotices } from '../stores/notices.ts'
import { viewportFrom } from './originShift.ts'
import { indexSpans, type SpanIndex } from './spanIndex.ts'
import { widthOf, type TimeWindow } from './timeWindow.ts'

/** What is on the screen. */
export interface ViewportNeed {
  readonly timelineId: string
  readonly revision: number
  /** The time that is drawn as 0, such as the start of an iteration that others are laid beside; the timeline's own 0 where it is left out. */
  readonly originNs?: number
  /** Both from the origin. */
  readonly bounds: TimeWindow
  readonly window: TimeWindow
  /** Width of the plot. */
  readonly pixels: number
  /** The lanes in sight, and those that come into sight when the chart is scrolled by its height; null for all. */
  readonly lanes: LanesInSight | null
}

export interface LanesInSight {
  readonly inView: readonly number[]
  readonly around: readonly number[]
}

/** What was asked for, and what the answer covers. */
export interface ViewportAnswer {
  readonly timelineId: string
  readonly revision: number
  readonly covered: TimeWindow
  readonly pixels: number
  /** Null for all. */
  readonly lanes: ReadonlySet<number> | null
  /** True where every drawn span is one recorded span: zooming in shows nothing new. */
  readonly complete: boolean
}

export interface ViewportQueryPlan {
  readonly startNs: number
  readonly endNs: number
  readonly pixels: number
  readonly lanes?: number[]
}

const MOST_PIXELS = 16_384
/** Zooming in further than this against the answer's resolution asks again. */
const COARSEST = 1.25
const DELAY_MS = 40
const LIVE_DELAY_MS = 150

/**
 * The query that the screen needs, null when the answer at hand serves: a window's width more is fetched on either
 * side, so that panning and zooming out move through what is already there.
 */
export function neededQuery(need: ViewportNeed, have: ViewportAnswer | null): ViewportQueryPlan | null {
  const { window, bounds } = need
  if (have !== null && have.timelineId === need.timelineId && have.revision >= need.revision) {
    const covers = have.covered.startNs <= Math.max(window.startNs, bounds.startNs) &&
      have.covered.endNs >= Math.min(window.endNs, bounds.endNs)
    const hasLanes = have.lanes === null || (need.lanes?.inView.every((lane) => have.lanes?.has(lane)) ?? false)
    const coarseness = (widthOf(have.covered) / have.pixels) / (widthOf(window) / need.pixels)
    if (covers && hasLanes && (have.complete || coarseness <= COARSEST)) return null
  }
  const startNs = Math.max(bounds.startNs, window.startNs - widthOf(window))
  const endNs = Math.max(startNs + 1, Math.min(bounds.endNs, window.endNs + widthOf(window)))
  const pixels = Math.ceil(need.pixels * (endNs - startNs) / Math.max(1, widthOf(window)))
  return {
    startNs, endNs, pixels: Math.max(1, Math.min(MOST_PIXELS, pixels)), ...(need.lanes === null ? {} : { lanes: [...need.lanes.around] }),
  }
}

/** Keeps the spans on the screen at the screen's resolution. One query is under way at a time; late answers are dropped. */
export function useViewport(need: () => ViewportNeed | null): Readonly<ShallowRef<SpanIndex | null>> {
  const spans = shallowRef<SpanIndex | null>(null)
  let have: ViewportAnswer | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  let disposed = false

  async function ask(): Promise<void> {
    timer = undefined
    const now = need()
    const query = now === null ? null : neededQuery(now, have)
    if (asking || now === null || query === null) return
    asking = true
    const originNs = now.originNs ?? 0
    const answer = await useBridge().request('timeline.viewport', {
      timelineId: now.timelineId, ...query, startNs: query.startNs + originNs, endNs: query.endNs + originNs,
    })
    asking = false
    if (disposed) return
    const next = need()
    if (next?.timelineId !== now.timelineId || (next.originNs ?? 0) !== originNs) return schedule(DELAY_MS)
    if (!answer.ok) {
      useNotices().report('Read the spans on the screen', answer.error)
      return
    }
    if (have?.timelineId === now.timelineId && answer.data.revision < have.revision) return schedule(DELAY_MS)
    have = {
      timelineId: now.timelineId, revision: Math.max(answer.data.revision, now.revision), pixels: query.pixels,
      covered: { startNs: query.startNs, endNs: query.endNs }, lanes: query.lanes === undefined ? null : new Set(query.lanes),
      complete: answer.data.count.every((count) => count === 1),
    }
    spans.value = indexSpans(viewportFrom(answer.data, originNs))
    schedule(LIVE_DELAY_MS)
  }

  function schedule(delayMs: number): void {
    timer ??= setTimeout(() => void ask(), delayMs)
  }

  watch(need, (next, previous) => {
    if (next?.timelineId !== previous?.timelineId || next?.originNs !== previous?.originNs) {
      have = null
      spans.value = null
    }
    if (next === null || neededQuery(next, have) === null) return
    const grew = have !== null && next.revision > have.revision
    schedule(grew ? LIVE_DELAY_MS : DELAY_MS)
  }, { immediate: true })

  onScopeDispose(() => {
    disposed = true
    clearTimeout(timer)
  })
  return spans
}
