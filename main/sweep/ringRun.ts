import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import type { RingCell } from '../../preload/contract/sweep.ts'
import { completeIterations } from '../analysis/ringFigures.ts'
import { runResult } from '../analysis/runResult.ts'
import { mean, median } from '../analysis/statistics.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { spreadOf } from './spread.ts'

/** Share of an iteration that ranks may wait for bytes under way and hops still count as hidden: less than what iterations differ by. */
const HIDDEN_WAIT = 0.05

type Figures =
  'overlapRatio' | 'idleFraction' | 'exposedMs' | 'waitLinkMs' | 'waitPeerMs' | 'hopMs' | 'stepComputeMs' | 'maxAbsError' | 'passed'

/** What one whole run says. */
export interface RingRun extends Pick<RingCell, Figures> {
  readonly makespansMs: readonly number[]
}

/**
 * Of measured iterations: the median time of a transfer, and the mean time of a block. Not its median: a modelled rank whose timer
 * fired late makes up for it in the blocks that follow, so that only sums of short ones are right.
 */
function stepTimes({ spans }: Timeline, run: RunRecord): { readonly hopMs: number | null; readonly stepComputeMs: number } {
  const measured = new Set(completeIterations(run).map(({ iteration }) => iteration))
  const hops: number[] = []
  const blocks: number[] = []
  for (let index = 0; index < spans.count; index++) {
    if (!measured.has(spans.iteration[index])) continue
    if (spans.category[index] === CATEGORY_CODE.recv) hops.push(spans.durationNs[index] / 1e6)
    if (spans.category[index] === CATEGORY_CODE.compute && spans.step[index] >= 0) blocks.push(spans.durationNs[index] / 1e6)
  }
  return { hopMs: hops.length === 0 ? null : median(hops), stepComputeMs: blocks.length === 0 ? 0 : mean(blocks) }
}

/** @param timeline of a run that came to its end */
export function ringRun(timeline: Timeline, run: RunRecord): RingRun {
  const result = runResult(timeline, null)
  const iterations = Math.max(1, result.iterations.length)
  const most = (figure: (rank: (typeof result.ranks)[number]) => number): number => Math.max(0, ...result.ranks.map(figure)) / iterations
  const { verification } = result
  return {
    makespansMs: result.iterations.map(({ makespanMs }) => makespanMs),
    overlapRatio: result.overlapRatio, idleFraction: result.idleFraction,
    exposedMs: most(({ exposedMs }) => exposedMs), waitLinkMs: most(({ waitLinkMs }) => waitLinkMs), waitPeerMs: most(({ waitPeerMs }) => waitPeerMs),
    ...stepTimes(timeline, run),
    maxAbsError: verification === null ? null : Math.max(verification.maxAbsError, verification.maxAbsGradError ?? 0),
    passed: verification?.passed ?? null,
  }
}

/** A cell of all its runs: medians over runs, the spread over all their iterations. */
export function ringCell(config: RunConfig, values: RingCell['values'], runs: readonly RingRun[], predictedMs: number | null): RingCell {
  const of = (figure: (run: RingRun) => number): number => median(runs.map(figure))
  const known = (figure: (run: RingRun) => number | null): number | null => {
    const numbers = runs.flatMap((run) => figure(run) ?? [])
    return numbers.length === 0 ? null : median(numbers)
  }
  const spread = spreadOf(runs.flatMap(({ makespansMs }) => makespansMs))
  const waitLinkMs = of((run) => run.waitLinkMs)
  return {
    values, ...spread,
    shardTokens: planRun(config).shardTokens,
    overlapRatio: known((run) => run.overlapRatio), idleFraction: of((run) => run.idleFraction),
    exposedMs: of((run) => run.exposedMs), waitLinkMs, waitPeerMs: of((run) => run.waitPeerMs),
    hopMs: known((run) => run.hopMs), stepComputeMs: of((run) => run.stepComputeMs),
    hidden: waitLinkMs <= HIDDEN_WAIT * spread.medianMs,
    tokensPerSecond: (config.batch * config.seqLen * 1000) / spread.medianMs,
    maxAbsError: runs.some((run) => run.maxAbsError !== null) ? Math.max(...runs.map((run) => run.maxAbsError ?? 0)) : null,
    passed: runs.some((run) => run.passed !== null) ? runs.every((run) => run.passed !== false) : null,
    predictedMs,
  }
}
