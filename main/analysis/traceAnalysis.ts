import { planRun } from '../../kernels/plan/planRun.ts'
import type { TraceAnalysis, TraceRankFigures } from '../../preload/contract/analysis.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { ranksOfTrace, traceRankFigures } from './gpuFigures.ts'
import { measuredIterations, type MeasuredIteration, overlapRatioOf, sumOf } from './ringFigures.ts'
import { figuresOfRun } from './runResult.ts'
import { stepCells } from './stepCells.ts'

const NS_PER_US = 1000

/**
 * A rank of our own runs, totals over the complete measured iterations: span is the sum of their windows, comm is bytes
 * under way, memory is copies to and from a device, wait is waiting for a late peer, transfer is U(comm).
 */
function ringRankFigures(iterations: readonly MeasuredIteration[], run: RunRecord): TraceRankFigures[] {
  return Array.from({ length: run.config.world }, (_, rank): TraceRankFigures => {
    const own = iterations.map((iteration) => iteration.ranks[rank])
    const us = (figure: (item: (typeof own)[number]) => number): number => sumOf(own, figure) / NS_PER_US
    return {
      rank,
      spanUs: us((item) => item.windowNs),
      computeUs: us((item) => item.computeNs),
      commUs: us((item) => item.commNs),
      memoryUs: us((item) => item.copiesNs),
      idleUs: us((item) => item.windowNs - item.computeNs),
      overlapUs: us((item) => item.overlapNs),
      overlapRatio: overlapRatioOf(own),
      exposedCommUs: us((item) => item.exposedNs),
      waitUs: us((item) => item.waitPeerNs),
      transferUs: us((item) => item.commNs),
      hta: null,
    }
  })
}

function clockOf({ run, source }: Timeline): TraceAnalysis['clock'] {
  if (source === 'simulation') return { method: 'simulated time', offsetsNs: [], uncertaintyNs: [] }
  if (run === null) return { method: "the file's own times, not aligned with any other", offsetsNs: [], uncertaintyNs: [] }
  return {
    method: 'one machine-wide monotonic clock, checked by a ping-pong with each rank at start and end',
    offsetsNs: run.clocks.map((clock) => clock.startOffsetNs),
    uncertaintyNs: run.clocks.map((clock) => Math.max(clock.startUncertaintyNs, clock.endUncertaintyNs ?? 0)),
  }
}

/** Everything `ringscope analyze` reports of one timeline. Pure; design sections 6 and 7. */
export function analyzeTimeline(timeline: Timeline): TraceAnalysis {
  const { run } = timeline
  const plan = run === null ? null : planRun(run.config)
  const iterations = run === null ? [] : measuredIterations(timeline, run)
  const ranks = run === null ? traceRankFigures(timeline) : ringRankFigures(iterations, run)
  const present = run === null ? ranksOfTrace(timeline).map(({ rank }) => rank) : ranks.map(({ rank }) => rank)
  return {
    files: timeline.files.map(({ path, events, repairs, dropped }) => ({ path, events, ranks: present, repairs, dropped })),
    clock: clockOf(timeline),
    ranks,
    steps: run === null || plan === null ? [] : stepCells(timeline, run, plan),
    run: run === null || plan === null ? null : figuresOfRun(run, plan, iterations, timeline.files.at(0)?.path ?? null),
  }
}
