import type { SpanDetails } from '../../preload/contract/timeline.ts'
import { measureOnce } from '../compare/measureTimeline.ts'
import { searchTimeline } from '../timeline/search.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { writeTrace } from '../traces/save/exportTrace.ts'
import { analysisFacts } from './timelineAnalysis.ts'
import type { Questions } from './traceMessages.ts'

/** Answers what takes long about one timeline: on the thread that it was opened on, or here for runs. */
export interface TimelineOwner {
  analyze(): Promise<Questions['analyze']['answer']>
  search(input: Questions['search']['input']): Promise<Questions['search']['answer']>
  /** What a comparison needs to know of it, by a kind of windows; null for its own. */
  measure(wanted: Questions['measure']['input']['wanted']): Promise<Questions['measure']['answer']>
  /** Saves it as Chrome Trace JSON, gzip where the name ends in `.gz`. */
  write(path: string): Promise<void>
  /** How a span's waiting and transfer divide; null for what is no communication kernel of an imported trace. */
  wait(spanIndex: number): Promise<SpanDetails['wait']>
  /** The timeline is closed or replaced: nothing more is asked. */
  release(): void
}

/**
 * Owns a timeline that was made on this thread: of a run, live or over.
 * @param read gives its spans so far.
 */
export function hostOwner(read: () => Timeline): TimelineOwner {
  return {
    analyze: async () => analysisFacts(read()),
    search: async (input) => searchTimeline(read(), input),
    measure: async (wanted) => measureOnce(read(), wanted),
    write: (path) => writeTrace(read(), path),
    // Runs of our own say in their spans what they waited for.
    wait: () => Promise.resolve(null),
    release: () => undefined,
  }
}
