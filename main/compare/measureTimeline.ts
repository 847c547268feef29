import type { Communication } from '../comm/comm.ts'
import { communicationOf } from '../comm/communication.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { TimelineMeasure, WindowKind } from './measure.ts'
import { measureRun } from './measureRun.ts'
import { measureTrace } from './measureTrace.ts'

/**
 * All that a comparison needs to know of a timeline. Pure; near linear in its spans, so it belongs on the thread that
 * holds the timeline.
 * @param wanted a kind of windows that the timeline offers; null for the kind it is best measured in.
 * @param communication gives that of an imported trace, which others may know already.
 */
export function measureTimeline(timeline: Timeline, wanted: WindowKind | null,
  communication: (timeline: Timeline) => Communication = communicationOf): TimelineMeasure {
  return timeline.run === null ? measureTrace(timeline, communication(timeline), wanted) : measureRun(timeline, timeline.run, wanted)
}

/** Of timelines that are still held. Small, and asked for again whenever another one is compared with them. */
const known = new WeakMap<Timeline, Map<WindowKind | null, TimelineMeasure>>()

/** The same, remembered as long as the timeline is held. One that grows is another one each time. */
export function measureOnce(timeline: Timeline, wanted: WindowKind | null, communication = communicationOf): TimelineMeasure {
  const own = known.get(timeline) ?? new Map<WindowKind | null, TimelineMeasure>()
  known.set(timeline, own)
  const measure = own.get(wanted) ?? measureTimeline(timeline, wanted, communication)
  own.set(wanted, measure)
  return measure
}
