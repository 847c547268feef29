import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { LayoutFigures, TimelineAnalysis } from '../../preload/contract/analysis.ts'
import { findingOf } from '../analysis/finding.ts'
import { layoutFigures } from '../analysis/layoutFigures.ts'
import { analyzeTimeline } from '../analysis/traceAnalysis.ts'
import { planReport } from '../planner/planReport.ts'
import { pagePlan } from './pagePlan.ts'
import { namesRanks } from '../timeline/timeline.ts'
import type { OpenTimeline } from './timelineStore.ts'

/** Of configs that are still held: a growing timeline asks for the same again and again. */
const knownLayouts = new WeakMap<RunConfig, readonly LayoutFigures[]>()

function layoutsOf(config: RunConfig): readonly LayoutFigures[] {
  const known = knownLayouts.get(config)
  if (known !== undefined) return known
  const layouts = layoutFigures(config, planReport)
  knownLayouts.set(config, layouts)
  return layouts
}

function analyze({ timelineId, revision, timeline }: OpenTimeline): TimelineAnalysis {
  const trace = analyzeTimeline(timeline)
  return {
    timelineId, revision, trace,
    finding: findingOf(trace, namesRanks(timeline)),
    plan: timeline.run === null ? null : pagePlan(timeline.run.config),
    layouts: timeline.run === null ? [] : layoutsOf(timeline.run.config),
  }
}

/** Remembers the newest analysis of each timeline: several views ask for the same one. */
export class AnalysisCache {
  readonly #newest = new Map<string, TimelineAnalysis>()

  of(open: OpenTimeline): TimelineAnalysis {
    const known = this.#newest.get(open.timelineId)
    if (known?.revision === open.revision) return known
    const analysis = analyze(open)
    this.#newest.set(open.timelineId, analysis)
    return analysis
  }

  forget(timelineId: string): void {
    this.#newest.delete(timelineId)
  }
}
