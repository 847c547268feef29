import type { Plan } from '../../kernels/plan/plan.ts'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { StepCell } from '../../preload/contract/analysis.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { intersect, interval, IntervalList, type Intervals, subtract, totalLength, union, unite } from './intervals.ts'
import { completeIterations, GROUP_OF_CODE, type SpanGroup } from './ringFigures.ts'

type StepGroup = Exclude<SpanGroup, 'copies'>
const isStepGroup = (group: SpanGroup): group is StepGroup => group !== 'copies'

interface StepSpans {
  readonly groups: Record<StepGroup, IntervalList>
  /** Latest end of the step's attention arithmetic, and of all the compute thread did; -Infinity where there is nothing. */
  computeEndNs: number
  threadEndNs: number
}

interface CellTotals {
  computeNs: number
  transferNs: number
  idleNs: number
  exposedNs: number
  waitPeerNs: number
  waitLinkNs: number
  imbalanceNs: number
}

const newStepSpans = (): StepSpans => ({
  groups: {
    compute: new IntervalList(), send: new IntervalList(), recv: new IntervalList(),
    'wait-peer': new IntervalList(), 'wait-link': new IntervalList(),
  },
  computeEndNs: Number.NEGATIVE_INFINITY, threadEndNs: Number.NEGATIVE_INFINITY,
})

/** Ranks, and steps of an iteration: forward, then backward ones. Cells lie at rank * steps + step. */
interface Grid {
  readonly world: number
  readonly steps: number
  /** Whether blocks are attended to in a step; else it is an all-to-all. */
  readonly attends: readonly boolean[]
}

function gather(timeline: Timeline, run: RunRecord, { world, steps }: Grid): StepSpans[][] {
  const windows = completeIterations(run)
  const slotOf = new Map(windows.map((window, slot) => [window.iteration, slot]))
  const gathered = windows.map(() => Array.from({ length: world * steps }, newStepSpans))
  const { spans, lanes } = timeline
  for (let index = 0; index < spans.count; index++) {
    const slot = slotOf.get(spans.iteration[index])
    const { rank } = lanes[spans.lane[index]]
    const step = spans.step[index]
    if (slot === undefined || rank === null || rank >= world || step < 0 || step >= steps) continue
    const cell = gathered[slot][rank * steps + step]
    const end = spans.startNs[index] + spans.durationNs[index]
    const group = GROUP_OF_CODE[spans.category[index]]
    if (group !== null && isStepGroup(group)) cell.groups[group].add(spans.startNs[index], end)
    // What arrived is folded in after the wait for it, which is not to pass for computing.
    if (spans.category[index] === CATEGORY_CODE.compute) cell.computeEndNs = Math.max(cell.computeEndNs, end)
    if (group !== 'send' && group !== 'recv') cell.threadEndNs = Math.max(cell.threadEndNs, end)
  }
  return gathered
}

interface StepTimes {
  /** When each rank was done computing each step: the end of its compute, or its arrival where the plan gives it nothing to compute. */
  readonly computeEndNs: Float64Array
  /** When each rank reached each step, and was through with it: the end of all it did and waited for before, and in it. */
  readonly reachedNs: Float64Array
  readonly leftNs: Float64Array
}

function stepTimes(cells: readonly StepSpans[], { world, steps }: Grid, windowStartNs: number): StepTimes {
  const computeEndNs = new Float64Array(world * steps)
  const reachedNs = new Float64Array(world * steps)
  const leftNs = new Float64Array(world * steps)
  for (let rank = 0; rank < world; rank++) {
    let nowNs = windowStartNs
    for (let at = rank * steps; at < (rank + 1) * steps; at++) {
      reachedNs[at] = nowNs
      computeEndNs[at] = Number.isFinite(cells[at].computeEndNs) ? cells[at].computeEndNs : nowNs
      nowNs = Math.max(nowNs, cells[at].threadEndNs)
      leftNs[at] = nowNs
    }
  }
  return { computeEndNs, reachedNs, leftNs }
}

function uniteAll(parts: readonly Intervals[]): Intervals {
  const all = new IntervalList()
  for (const { starts, ends } of parts) for (let index = 0; index < starts.length; index++) all.add(starts[index], ends[index])
  return union(all.raw())
}

function addIteration(totals: readonly CellTotals[], cells: readonly StepSpans[], grid: Grid, startNs: number, endNs: number): void {
  const { world, steps, attends } = grid
  const within = interval(startNs, endNs)
  const { computeEndNs: ends, reachedNs, leftNs } = stepTimes(cells, grid, startNs)
  const ranks = Array.from({ length: world }, (_, rank) => rank)
  const latest = Array.from({ length: steps }, (_, step) => {
    // In an all-to-all nobody computes: what a rank waits for there is in its waits.
    return attends[step] ? ranks.reduce((most, rank) => Math.max(most, ends[rank * steps + step]), startNs) : null
  })
  for (const rank of ranks) {
    const clipped = (step: number, group: StepGroup): Intervals =>
      intersect(union(cells[rank * steps + step].groups[group].raw()), within)
    const compute = Array.from({ length: steps }, (_, step) => clipped(step, 'compute'))
    const transfer = Array.from({ length: steps }, (_, step) => unite(clipped(step, 'send'), clipped(step, 'recv')))
    const rankCompute = uniteAll(compute)
    const busy = unite(rankCompute, uniteAll(transfer))
    for (let step = 0; step < steps; step++) {
      const total = totals[rank * steps + step]
      const inStep = interval(reachedNs[rank * steps + step], leftNs[rank * steps + step])
      total.computeNs += totalLength(compute[step])
      total.transferNs += totalLength(transfer[step])
      total.exposedNs += totalLength(subtract(transfer[step], rankCompute))
      total.idleNs += totalLength(subtract(inStep, busy))
      total.waitPeerNs += totalLength(clipped(step, 'wait-peer'))
      total.waitLinkNs += totalLength(clipped(step, 'wait-link'))
      total.imbalanceNs += (latest[step] ?? ends[rank * steps + step]) - ends[rank * steps + step]
    }
  }
}

/**
 * Each rank's times in each step, means over the complete measured iterations, in µs; rank-major, the steps of a
 * backward pass after those of the forward pass. `exposedUs` is what of the step's transfers no compute of the rank
 * covers; `imbalanceUs` is the latest rank's compute end at the step minus this rank's. Empty when no measured iteration
 * was completed.
 */
export function stepCells(timeline: Timeline, run: RunRecord, plan: Plan): StepCell[] {
  const { stepCount: steps } = plan
  const grid: Grid = { world: run.config.world, steps, attends: plan.ranks[0].steps.map(({ stage }) => stage === 'attend') }
  const windows = completeIterations(run)
  if (windows.length === 0) return []
  const totals = Array.from({ length: grid.world * steps }, (): CellTotals =>
    ({ computeNs: 0, transferNs: 0, idleNs: 0, exposedNs: 0, waitPeerNs: 0, waitLinkNs: 0, imbalanceNs: 0 }))
  gather(timeline, run, grid).forEach((cells, slot) => addIteration(totals, cells, grid, windows[slot].startNs, windows[slot].endNs))
  const meanUs = (totalNs: number): number => totalNs / windows.length / 1000
  return totals.map((total, at) => ({
    rank: Math.floor(at / steps), step: at % steps,
    computeUs: meanUs(total.computeNs), transferUs: meanUs(total.transferNs), exposedUs: meanUs(total.exposedNs),
    waitPeerUs: meanUs(total.waitPeerNs), waitLinkUs: meanUs(total.waitLinkNs), idleUs: meanUs(total.idleNs),
    imbalanceUs: meanUs(total.imbalanceNs),
  }))
}
