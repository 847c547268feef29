import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { TraceRankFigures } from '../../preload/contract/analysis.ts'
import { namesRanks, type Timeline } from '../timeline/timeline.ts'
import { intersect, IntervalList, subtract, totalLength, union } from './intervals.ts'

const NS_PER_US = 1000
const GPU_CATEGORIES: readonly number[] = [CATEGORY_CODE.compute, CATEGORY_CODE.communication, CATEGORY_CODE.memory]

/** A kernel that moves data between two ranks: NCCL and RCCL name theirs SendRecv. */
const POINT_TO_POINT = /send_?recv/i

/** The spans that stand for one rank of an imported trace. */
export interface RankLanes {
  readonly rank: number
  readonly lanes: ReadonlySet<number>
}

/**
 * The lanes that hold GPU work. The importer gives kernels and copies lanes of their own, so what is unclassified
 * there is a kernel too, while host activity never shares a lane with them.
 */
function gpuLanes(timeline: Timeline): Set<number> {
  const found = new Set<number>()
  const { spans } = timeline
  for (let index = 0; index < spans.count; index++) {
    if (GPU_CATEGORIES.includes(spans.category[index])) found.add(spans.lane[index])
  }
  return found
}

/**
 * Which lanes make up which rank of an imported trace: as the trace says, where it says so for any lane. A GPU trace
 * that does not say is one rank (that is how HTA takes a file); any other trace has one rank a process.
 */
export function ranksOfTrace(timeline: Timeline): RankLanes[] {
  const { lanes } = timeline
  const indices = lanes.map((_, index) => index)
  const groups: number[][] = namesRanks(timeline)
    ? []
    : gpuLanes(timeline).size > 0 ? [indices] : [...Map.groupBy(indices, (index) => lanes[index].pid).values()]
  if (groups.length > 0) return groups.map((members, rank) => ({ rank, lanes: new Set(members) }))
  const byRank = Map.groupBy(indices.filter((index) => lanes[index].rank !== null), (index) => lanes[index].rank ?? -1)
  return [...byRank].map(([rank, members]) => ({ rank, lanes: new Set(members) })).toSorted((a, b) => a.rank - b.rank)
}

function figuresOf(timeline: Timeline, { rank, lanes }: RankLanes, gpu: ReadonlySet<number>): TraceRankFigures {
  const { spans, strings } = timeline
  const hasGpu = [...lanes].some((lane) => gpu.has(lane))
  const all = new IntervalList()
  const byCategory = new Map(GPU_CATEGORIES.map((category) => [category, new IntervalList()]))
  let firstNs = Number.POSITIVE_INFINITY
  let lastNs = Number.NEGATIVE_INFINITY
  let pointToPointNs = 0
  for (let index = 0; index < spans.count; index++) {
    const lane = spans.lane[index]
    if (!lanes.has(lane) || (hasGpu && !gpu.has(lane))) continue
    const start = spans.startNs[index]
    const end = start + spans.durationNs[index]
    firstNs = Math.min(firstNs, start)
    lastNs = Math.max(lastNs, end)
    all.add(start, end)
    byCategory.get(spans.category[index])?.add(start, end)
    if (spans.category[index] === CATEGORY_CODE.communication && POINT_TO_POINT.test(strings[spans.name[index]])) {
      pointToPointNs += spans.durationNs[index]
    }
  }
  const unionOf = (category: number) => union((byCategory.get(category) ?? new IntervalList()).raw())
  const compute = unionOf(CATEGORY_CODE.compute)
  const comm = unionOf(CATEGORY_CODE.communication)
  const spanNs = lastNs > firstNs ? lastNs - firstNs : 0
  const commNs = totalLength(comm)
  const overlapNs = totalLength(intersect(comm, compute))
  const shared = {
    spanUs: spanNs / NS_PER_US,
    computeUs: totalLength(compute) / NS_PER_US,
    commUs: commNs / NS_PER_US,
    memoryUs: totalLength(unionOf(CATEGORY_CODE.memory)) / NS_PER_US,
    idleUs: (spanNs - totalLength(union(all.raw()))) / NS_PER_US,
    overlapUs: overlapNs / NS_PER_US,
    overlapRatio: commNs === 0 ? null : overlapNs / commNs,
  }
  return {
    rank, ...shared,
    exposedCommUs: totalLength(subtract(comm, compute)) / NS_PER_US,
    // A kernel's own trace does not tell waiting from transfer: without its peer's, all of it counts as transfer.
    waitUs: 0,
    transferUs: pointToPointNs / NS_PER_US,
    hta: hasGpu ? shared : null,
  }
}

/**
 * Figures per rank of a trace that is not ours, over its GPU spans where it has any, over all spans else.
 * span = last end - first start; idle = span - U(all); overlap = U(comm) ∩ U(compute): the definitions of
 * HolisticTraceAnalysis' temporal breakdown and communication overlap, without its trimming of profiler steps.
 */
export function traceRankFigures(timeline: Timeline): TraceRankFigures[] {
  const gpu = gpuLanes(timeline)
  return ranksOfTrace(timeline).map((group) => figuresOf(timeline, group, gpu))
}
