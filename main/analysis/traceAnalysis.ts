import { planRun } from '../../kernels/plan/planRun.ts'
import type { TraceAnalysis, TraceRankFigures } from '../../preload/contract/analysis.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import type { Communication } from '../comm/comm.ts'
import { communicationOf } from '../comm/communication.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { classificationOf } from './classified.ts'
import { criticalPath } from './criticalPath/criticalPath.ts'
import { deviceCompute, traceRankFigures } from './gpuFigures.ts'
import { recogniseRings } from './rings/recogniseRings.ts'
import { measuredIterations, type MeasuredIteration, overlapRatioOf, sumOf } from './ringFigures.ts'
import { ringSummaries, shownPasses } from './rings/ringSummaries.ts'
import { figuresOfRun } from './runResult.ts'
import { stepCells } from './stepCells.ts'
import { ranksOfTrace } from './traceRanks.ts'
import { traceStepCells } from './rings/traceSteps.ts'

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
      exposedWaitUs: 0,
      waitUs: us((item) => item.waitPeerNs),
      transferUs: us((item) => item.commNs),
      // All that our ranks send goes from one to another, and both ends say when.
      collectiveWaitUs: 0, collectiveTransferUs: 0, estimatedWaitUs: 0,
      hta: null,
    }
  })
}

function clockOf({ run, source, trace }: Timeline): TraceAnalysis['clock'] {
  const alone = { offsetsNs: [], uncertaintyNs: [], ranks: [], unaligned: [] }
  if (source === 'simulation') return { method: 'simulated time', ...alone }
  if (run !== null) {
    return {
      method: 'one machine-wide monotonic clock, checked by a ping-pong with each rank at start and end',
      offsetsNs: run.clocks.map((clock) => clock.startOffsetNs),
      uncertaintyNs: run.clocks.map((clock) => Math.max(clock.startUncertaintyNs, clock.endUncertaintyNs ?? 0)),
      ranks: run.clocks.map(({ rank }) => rank), unaligned: [],
    }
  }
  if (trace === null) return { method: "the file's own times, not aligned with any other", ...alone }
  return {
    method: trace.clock.method,
    offsetsNs: trace.ranks.map(({ offsetNs }) => offsetNs),
    uncertaintyNs: trace.ranks.map(({ uncertaintyNs }) => uncertaintyNs),
    ranks: trace.ranks.map(({ rank }) => rank),
    unaligned: trace.ranks.filter(({ uncertaintyNs }) => uncertaintyNs === null).map(({ rank }) => rank),
  }
}

/** The files that were read, and the ranks in each. @param all ranks, where nothing says which are in which file. */
function filesOf({ files, trace }: Timeline, all: readonly number[]): TraceAnalysis['files'] {
  const known = trace !== null && trace.ranks.length > 0
  return files.map(({ path, events, repairs, dropped }, file) => ({
    path, events, repairs, dropped,
    ranks: known ? trace.ranks.filter((rank) => rank.file === file).map(({ rank }) => rank) : all,
  }))
}

type Parts = Pick<TraceAnalysis, 'ranks' | 'steps' | 'rings' | 'notes' | 'criticalPath' | 'run'>

function runParts(timeline: Timeline, run: RunRecord, communication: Communication): Parts {
  const plan = planRun(run.config)
  const iterations = measuredIterations(timeline, run)
  return {
    ranks: ringRankFigures(iterations, run),
    steps: stepCells(timeline, run, plan),
    rings: [], notes: [],
    criticalPath: criticalPath(timeline, communication, []),
    run: figuresOfRun(run, plan, iterations, timeline.files.at(0)?.path ?? null),
  }
}

function traceParts(timeline: Timeline, communication: Communication): Parts {
  const passes = recogniseRings(timeline, communication)
  const computeOf = deviceCompute(timeline, new Set(passes.flatMap(({ ranks }) => ranks)))
  const rings = ringSummaries(timeline, passes, communication, computeOf)
  return {
    ranks: traceRankFigures(timeline, communication),
    steps: traceStepCells(shownPasses(passes, rings), communication, computeOf),
    rings, notes: communication.notes,
    criticalPath: criticalPath(timeline, communication, passes),
    run: null,
  }
}

/**
 * Everything `ringscope analyze` reports of one timeline. Pure; design sections 6 and 7.
 * @param communication of the timeline, where it is known already: it takes a while in a large trace.
 */
export function analyzeTimeline(timeline: Timeline, communication: Communication = communicationOf(timeline)): TraceAnalysis {
  const { run, trace, files } = timeline
  const parts = run === null ? traceParts(timeline, communication) : runParts(timeline, run, communication)
  const present = run === null ? ranksOfTrace(timeline).map(({ rank }) => rank) : parts.ranks.map(({ rank }) => rank)
  return {
    files: filesOf(timeline, present),
    clock: clockOf(timeline),
    world: run?.config.world ?? trace?.world ?? null,
    rankSources: (trace?.ranks ?? []).map(({ rank, file, rankFrom }) => ({ rank, path: files[file].path, from: rankFrom })),
    ...parts,
    classification: classificationOf(timeline),
  }
}
