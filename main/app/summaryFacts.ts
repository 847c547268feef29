import { summarizeTimeline } from '../timeline/summary.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { SummaryFacts } from './traceMessages.ts'

/** What a timeline's summary says that only the spans tell: everything but its id and where it is. One pass over them. */
export function summaryFacts(timeline: Timeline): SummaryFacts {
  const { timelineId: _id, live: _live, path: _path, ...facts } = summarizeTimeline(timeline, { timelineId: '', live: false, path: null })
  return facts
}
