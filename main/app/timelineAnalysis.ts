import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { LayoutFigures, TimelineAnalysis } from '../../preload/contract/analysis.ts'
import { findingOf } from '../analysis/finding.ts'
import { layoutFigures } from '../analysis/layoutFigures.ts'
import { analyzeTimeline } from '../analysis/traceAnalysis.ts'
import type { Communication } from '../comm/comm.ts'
import { planReport } from '../planner/planReport.ts'
import { namesRanks, type Timeline } from '../timeline/timeline.ts'
import { pagePlan } from './pagePlan.ts'
import type { OpenTimeline } from './timelineStore.ts'
import type { AnalysisFacts } from './traceMessages.ts'

/** Of configs that are still held: a growing timeline asks for the same again and again. */
const knownLayouts = new WeakMap<RunConfig, readonly LayoutFigures[]>()

function layoutsOf(config: RunConfig): readonly LayoutFigures[] {
  const known = knownLayouts.get(config)
  if (known !== undefined) return known
  const layouts = layoutFigures(config, planReport)
  knownLayouts.set(config, layouts)
  return layouts
}

/**
 * All figures of a timeline, on whatever thread this is called.
 * @param communication where it is known already.
 */
export function analysisFacts(timeline: Timeline, communication?: Communication): AnalysisFacts {
  const trace = analyzeTimeline(timeline, communication)
  return {
    trace,
    finding: findingOf(trace, namesRanks(timeline)),
    plan: timeline.run === null ? null : pagePlan(timeline.run.config),
    layouts: timeline.run === null ? [] : layoutsOf(timeline.run.config),
  }
}

interface Known {
  readonly revision: number
  readonly analysis: Promise<TimelineAnalysis>
}

async function analyze({ timelineId, revision, owner }: OpenTimeline): Promise<TimelineAnalysis> {
  return { timelineId, revision, ...await owner.analyze() }
}

/** Remembers the newest analysis of each timeline, also one under way: several views ask for the same one. */
export class AnalysisCache {
  readonly #newest = new Map<string, Known>()

  of(open: OpenTimeline): Promise<TimelineAnalysis> {
    const { timelineId, revision } = open
    const known = this.#newest.get(timelineId)
    if (known?.revision === revision) return known.analysis
    const entry: Known = { revision, analysis: analyze(open) }
    this.#newest.set(timelineId, entry)
    // One that failed may succeed when it is asked for again.
    entry.analysis.catch(() => {
      if (this.#newest.get(timelineId) === entry) this.#newest.delete(timelineId)
    })
    return entry.analysis
  }

  forget(timelineId: string): void {
    this.#newest.delete(timelineId)
  }
}
