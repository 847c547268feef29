import type { Plan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { RankFigures, RunRecord, RunResult } from '../../preload/contract/run.ts'
import { speedupOverContiguous } from '../planner/contiguous.ts'
import { planSummary } from '../planner/planSummary.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { median } from './statistics.ts'
import { idleFractionOf, type MeasuredIteration, measuredIterations, overlapRatioOf, sumOf } from './ringFigures.ts'
import { keyValueHops, trafficFigures } from './traffic.ts'

const NS_PER_MS = 1e6

/** The median; 0 of no values, as a run without a complete iteration reports. */
export const medianOrZero = (values: readonly number[]): number => (values.length === 0 ? 0 : median(values))

function rankTotals(rank: number, iterations: readonly MeasuredIteration[]): RankFigures {
  const own = iterations.map((iteration) => iteration.ranks[rank])
  const ms = (figure: (item: MeasuredIteration['ranks'][number]) => number): number => sumOf(own, figure) / NS_PER_MS
  const flops = sumOf(own, (item) => item.flops)
  const computeNs = sumOf(own, (item) => item.computeNs)
  return {
    rank,
    computeMs: computeNs / NS_PER_MS,
    commMs: ms((item) => item.commNs),
    overlapMs: ms((item) => item.overlapNs),
    exposedMs: ms((item) => item.exposedNs),
    waitPeerMs: ms((item) => item.waitPeerNs),
    waitLinkMs: ms((item) => item.waitLinkNs),
    idleMs: ms((item) => item.windowNs - item.computeNs),
    flops,
    // One floating point operation a nanosecond is one GFLOP/s.
    gflops: computeNs === 0 ? 0 : flops / computeNs,
  }
}

function timelineRun(timeline: Timeline): RunRecord {
  if (timeline.run === null) {
    throw new TypeError(`"${timeline.title}" is not a run of ours: it has spans and no run record`)
  }
  return timeline.run
}

/**
 * The figures of one of our own runs, live, saved or simulated (design sections 6 and 7). Times in ms.
 * `makespanMs` is the median complete measured iteration; a rank's times are totals over those iterations. A run that
 * failed before the first of them has no iterations and 0 for every measured figure, and a warning that says so.
 * `traffic`, and of it `hops` and `bytesPerHop`, are counted from the receives; theory is beside them.
 * @throws TypeError for an imported timeline without a run record.
 */
export function runResult(timeline: Timeline, tracePath: string | null): RunResult {
  const run = timelineRun(timeline)
  return figuresOfRun(run, planRun(run.config), measuredIterations(timeline, run), tracePath)
}

/** The same, of iterations that were measured already. */
export function figuresOfRun(run: RunRecord, plan: Plan, iterations: readonly MeasuredIteration[], tracePath: string | null): RunResult {
  const all = iterations.flatMap((iteration) => iteration.ranks)
  const traffic = trafficFigures(plan, iterations)
  const noneComplete = iterations.length === 0
    ? ['no measured iteration was completed: every measured figure is 0']
    : []
  return {
    config: run.config,
    plan: planSummary(plan),
    backend: run.backend,
    device: run.device,
    transport: run.transport,
    modelled: run.modelled,
    warnings: [...run.warnings, ...noneComplete],
    iterations: iterations.map(({ window, ranks }) => ({
      iteration: window.iteration,
      makespanMs: (window.endNs - window.startNs) / NS_PER_MS,
      overlapRatio: overlapRatioOf(ranks),
      idleFraction: idleFractionOf(ranks),
    })),
    makespanMs: medianOrZero(iterations.map(({ window }) => window.endNs - window.startNs)) / NS_PER_MS,
    overlapRatio: overlapRatioOf(all),
    idleFraction: idleFractionOf(all),
    theory: {
      idleFraction: plan.idleFraction,
      hops: plan.hops,
      bytesPerHop: plan.bytesPerHop,
      speedupOverContiguous: speedupOverContiguous(run.config, plan),
    },
    ...keyValueHops(traffic),
    traffic,
    ranks: Array.from({ length: run.config.world }, (_, rank) => rankTotals(rank, iterations)),
    verification: run.verification,
    outputChecksum: run.outputChecksum,
    failure: run.failure,
    tracePath,
  }
}
