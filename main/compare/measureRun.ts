import type { Plan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import { completeIterations, measuredIterations, type MeasuredIteration, type RankIterationFigures, sumOf } from '../analysis/ringFigures.ts'
import { stepCells } from '../analysis/stepCells.ts'
import { keyValueHops, trafficFigures } from '../analysis/traffic.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { type RankMeasure, scaledCell, type TimelineMeasure, type WindowKind, type WindowMeasure } from './measure.ts'
import { categoryTotals, spanTotals } from './spanTotals.ts'

function rankMeasure({ rank, windowNs, computeNs, commNs, overlapNs, exposedNs, copiesNs, waitPeerNs, waitLinkNs, flops }: RankIterationFigures, bytes: number): RankMeasure {
  return {
    rank, windowNs, computeNs, commNs, overlapNs, exposedNs, memoryNs: copiesNs, waitPeerNs, waitLinkNs, transferNs: commNs,
    kernelWaitNs: null, deviceIdleNs: null, flops, hta: null, bytes,
  }
}

/** Bytes that each rank sent, by rank. */
function bytesSent({ ranks, transfers }: MeasuredIteration): Float64Array {
  const sent = new Float64Array(ranks.length)
  for (const { sender, bytes } of transfers) if (sender >= 0 && sender < sent.length) sent[sender] += bytes
  return sent
}

const NUMBERS = ['windowNs', 'computeNs', 'commNs', 'overlapNs', 'exposedNs', 'memoryNs', 'waitPeerNs', 'waitLinkNs', 'transferNs'] as const

/** All iterations as one window: sums over them, so that what lies between them is in none. */
function together(windows: readonly WindowMeasure[]): WindowMeasure[] {
  const [first] = windows
  const last = windows.at(-1)
  if (last === undefined) return []
  const summed = (records: readonly Readonly<Record<string, number>>[]): Record<string, number> => {
    const sums: Record<string, number> = {}
    for (const [key, value] of records.flatMap((record) => Object.entries(record))) sums[key] = (sums[key] ?? 0) + value
    return sums
  }
  return [{
    startNs: first.startNs, endNs: last.endNs,
    ranks: first.ranks.map((rank, at) => {
      const own = windows.map(({ ranks }) => ranks[at])
      return {
        ...rank, ...Object.fromEntries(NUMBERS.map((key) => [key, sumOf(own, (each) => each[key])])),
        flops: sumOf(own, (each) => each.flops ?? 0), bytes: sumOf(own, (each) => each.bytes ?? 0),
      }
    }),
    hops: sumOf(windows, ({ hops }) => hops ?? 0),
    categoryMs: summed(windows.map(({ categoryMs }) => categoryMs)), kindMs: {},
  }]
}

function windowsOf(timeline: Timeline, run: RunRecord, plan: Plan, windowOf: (span: number) => number): WindowMeasure[] {
  const iterations = measuredIterations(timeline, run)
  const categories = categoryTotals(timeline, iterations.length, windowOf)
  return iterations.map((iteration, at) => {
    const sent = bytesSent(iteration)
    return {
      startNs: iteration.window.startNs, endNs: iteration.window.endNs,
      ranks: iteration.ranks.map((rank, slot) => rankMeasure(rank, sent[slot])),
      hops: keyValueHops(trafficFigures(plan, [iteration])).hops,
      categoryMs: categories[at], kindMs: {},
    }
  })
}

function caveatsOf({ failure, causalityViolations, warnings, verification }: RunRecord, iterations: number): string[] {
  return [
    ...failure === null ? [] : [`failed (${failure.kind}): only its ${iterations} complete measured ${iterations === 1 ? 'iteration counts' : 'iterations count'}`],
    ...failure === null && iterations === 0 ? ['has no complete measured iteration'] : [],
    ...verification?.passed === false ? ['failed its verification: its numbers are wrong, however fast they came'] : [],
    ...causalityViolations > 0 ? [`has ${causalityViolations} transfers that end before they begin: its clocks are off`] : [],
    ...warnings.map((warning) => `warned: ${warning}`),
  ]
}

/** A run of ours, live, saved or simulated, by its complete measured iterations. @param wanted null for its own kind of windows. */
export function measureRun(timeline: Timeline, run: RunRecord, wanted: WindowKind | null): TimelineMeasure {
  const plan = planRun(run.config)
  const offers: WindowKind[] = ['iterations', 'profiler-steps', ...run.config.pass === 'forward' ? ['ring-passes' as const] : [], 'whole']
  const complete = new Map(completeIterations(run).map(({ iteration }, at) => [iteration, at]))
  const windowOf = (span: number): number => complete.get(timeline.spans.iteration[span]) ?? -1
  const iterations = windowsOf(timeline, run, plan, windowOf)
  const windows = wanted === 'whole' ? together(iterations) : iterations
  const perWindow = windows.length === 0 ? 1 : iterations.length / windows.length
  return {
    title: timeline.title, kind: timeline.source === 'simulation' ? 'simulation' : 'run', modelled: run.modelled || timeline.source === 'simulation',
    ranks: Array.from({ length: run.config.world }, (_, rank) => rank), world: run.config.world,
    windowKind: wanted === 'whole' ? 'whole' : 'iterations', offers, windows,
    steps: stepCells(timeline, run, plan).map((cell) => scaledCell(cell, perWindow)),
    spans: spanTotals(timeline, windowOf),
    config: run.config, caveats: caveatsOf(run, iterations.length),
  }
}
