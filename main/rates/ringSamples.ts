import type { Plan, StepPass } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { rankShape } from '../../kernels/rank/schedule.ts'
import { SPAN_CATEGORIES, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { IterationWindow } from '../../preload/contract/run.ts'
import { completeIterations } from '../analysis/ringFigures.ts'
import { median } from '../analysis/statistics.ts'
import type { Timeline } from '../timeline/timeline.ts'

/** A block that a rank computed. */
export interface BlockSample {
  readonly rank: number
  readonly step: number
  readonly pass: StepPass
  readonly durationNs: number
}

/** A K/V block that went from one rank to the next in the forward pass. */
export interface TransferSample {
  readonly bytes: number
  /** From both ends having posted it until it could go, ns. */
  readonly rendezvousNs: number
  /** From then until its last byte was in its place, ns. */
  readonly transferNs: number
}

/** What the measured iterations of one run say about the parts that runs are made of. */
export interface RingSamples {
  /** Query rows times heads times batch items of a rank. */
  readonly rows: number
  readonly blocks: readonly BlockSample[]
  readonly transfers: readonly TransferSample[]
  /** From the beginning of a step other than a pass's first until its block begins, ns. */
  readonly stepNs: readonly number[]
  /** From the beginning of an iteration until its first block begins, ns. */
  readonly startNs: readonly number[]
  /** Between the blocks of a pass and its end, a rank's whole iteration, divided by its passes, ns. */
  readonly finishNs: readonly number[]
}

interface TimedSpan {
  readonly category: SpanCategory
  readonly step: number
  readonly startNs: number
  readonly endNs: number
  readonly hop: number
  readonly bytes: number
  readonly payload: number
}

/** Spans of one iteration, by rank, in the order of their starts. */
function spansByRank({ spans, lanes }: Timeline, iteration: number, world: number): TimedSpan[][] {
  const ranks = Array.from({ length: world }, (): TimedSpan[] => [])
  for (let index = 0; index < spans.count; index++) {
    const { rank } = lanes[spans.lane[index]]
    if (spans.iteration[index] !== iteration || rank === null || rank >= world) continue
    const startNs = spans.startNs[index]
    ranks[rank].push({
      category: SPAN_CATEGORIES[spans.category[index]], step: spans.step[index], startNs, endNs: startNs + spans.durationNs[index],
      hop: spans.hop[index], bytes: spans.bytes[index], payload: spans.payload[index],
    })
  }
  for (const own of ranks) own.sort((a, b) => a.startNs - b.startNs)
  return ranks
}

const isStepWork = ({ category, step }: TimedSpan): boolean =>
  step >= 0 && (category === 'compute' || category === 'merge' || category === 'wait-peer' || category === 'wait-link')

/** When a rank began each step and each step's block; NaN where that is not known. */
function stepTimes(spans: readonly TimedSpan[], window: IterationWindow, stepCount: number): { readonly begun: number[]; readonly computing: number[] } {
  const ends = Array.from({ length: stepCount }, () => Number.NaN)
  const computing = Array.from({ length: stepCount }, () => Number.NaN)
  for (const span of spans) {
    if (!isStepWork(span)) continue
    if (!(ends[span.step] >= span.endNs)) ends[span.step] = span.endNs
    if (span.category === 'compute' && Number.isNaN(computing[span.step])) computing[span.step] = span.startNs
  }
  return { begun: [window.startNs, ...ends.slice(0, -1)], computing }
}

/**
 * Takes a run of a plain ring apart. Only what is certain is taken: steps that compute, and hops whose ends both began in steps
 * whose beginning is known.
 * @param timeline of one of our own runs.
 */
export function ringSamples(timeline: Timeline): RingSamples {
  const { run } = timeline
  if (run === null) throw new TypeError(`"${timeline.title}" is not a run of ours`)
  const { config } = run
  const plan = planRun(config)
  const { batch, heads, tokens } = rankShape(config)
  const blocks: BlockSample[] = []
  const stepNs: number[] = []
  const startNs: number[] = []
  const finishNs: number[] = []
  const hops: { readonly window: IterationWindow; readonly ranks: readonly TimedSpan[][]; readonly times: ReturnType<typeof stepTimes>[] }[] = []
  for (const window of completeIterations(run)) {
    const ranks = spansByRank(timeline, window.iteration, plan.world)
    const times = ranks.map((spans) => stepTimes(spans, window, plan.stepCount))
    hops.push({ window, ranks, times })
    ranks.forEach((spans, rank) => {
      const { begun, computing } = times[rank]
      blocks.push(...blocksOf(plan, rank, spans))
      if (!Number.isNaN(computing[0])) startNs.push(computing[0] - window.startNs)
      for (let step = 1; step < plan.stepCount; step++) {
        const gapNs = computing[step] - begun[step]
        // Between passes more happens than between steps.
        if (plan.ranks[rank].steps[step].pass === plan.ranks[rank].steps[step - 1].pass && gapNs >= 0) stepNs.push(gapNs)
      }
      const betweenNs = spans.reduce((sum, { category, step, startNs: from, endNs }) => (category === 'merge' && step < 0 ? sum + endNs - from : sum), 0)
      finishNs.push(betweenNs / (config.pass === 'forward' ? 1 : 2))
    })
  }
  const usualStepNs = stepNs.length === 0 ? 0 : median(stepNs)
  return {
    rows: batch * heads * tokens, blocks, stepNs, startNs, finishNs,
    transfers: hops.flatMap(({ ranks, times }) => transfersOf(plan, ranks, times, usualStepNs)),
  }
}

function blocksOf(plan: Plan, rank: number, spans: readonly TimedSpan[]): BlockSample[] {
  return spans.flatMap(({ category, step, startNs, endNs }) => {
    if (category !== 'compute' || step < 0) return []
    return [{ rank, step, pass: plan.ranks[rank].steps[step].pass, durationNs: endNs - startNs }]
  })
}

/** @param usualStepNs how long before its block a step begins: an iteration's first one begins with more than that. */
function transfersOf(plan: Plan, ranks: readonly TimedSpan[][], times: readonly ReturnType<typeof stepTimes>[], usualStepNs: number): TransferSample[] {
  const postedNs = (rank: number, step: number): number =>
    step === 0 ? times[rank].computing[0] - usualStepNs : times[rank].begun[step]
  const sends = new Map(ranks.flatMap((spans, rank) =>
    spans.flatMap((span) => (span.category === 'send' ? [[span.hop, { rank, span }] as const] : []))))
  return ranks.flatMap((spans, rank) => spans.flatMap((span): TransferSample[] => {
    const sent = span.category === 'recv' ? sends.get(span.hop) : undefined
    if (sent === undefined || plan.ranks[rank].steps[span.step].pass !== 'forward') return []
    const readyNs = sent.span.startNs
    const rendezvousNs = readyNs - Math.max(postedNs(sent.rank, sent.span.step), postedNs(rank, span.step))
    return Number.isNaN(rendezvousNs) ? [] : [{ bytes: span.bytes, rendezvousNs: Math.max(0, rendezvousNs), transferNs: span.endNs - readyNs }]
  }))
}
