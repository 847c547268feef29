import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { namesRanks, type Timeline } from '../timeline/timeline.ts'

/** The lanes that stand for one rank of an imported trace, ascending. */
export interface RankLanes {
  readonly rank: number
  readonly lanes: readonly number[]
}

/**
 * Which lanes hold device work, 1 by lane. The importer says it of every lane; where nothing is said, those with kernels
 * or copies: they get lanes of their own, so what is unclassified there is a kernel too.
 */
export function deviceLanes({ lanes, spans }: Pick<Timeline, 'lanes' | 'spans'>): Uint8Array {
  if (lanes.some(({ kind }) => kind !== undefined)) return Uint8Array.from(lanes, ({ kind }) => (kind === 'gpu' ? 1 : 0))
  const found = new Uint8Array(lanes.length)
  const { compute, communication, memory } = CATEGORY_CODE
  for (let span = 0; span < spans.count; span++) {
    const category = spans.category[span]
    if (category === compute || category === communication || category === memory) found[spans.lane[span]] = 1
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
  if (!namesRanks(timeline)) {
    const groups = deviceLanes(timeline).includes(1) ? [indices] : [...Map.groupBy(indices, (index) => lanes[index].pid).values()]
    return groups.map((members, rank) => ({ rank, lanes: members }))
  }
  const byRank = Map.groupBy(indices.filter((index) => lanes[index].rank !== null), (index) => lanes[index].rank ?? -1)
  return [...byRank].map(([rank, members]) => ({ rank, lanes: members })).toSorted((a, b) => a.rank - b.rank)
}

/** Position of each lane's rank in `ranks`, -1 for lanes of none. */
export function rankOfLane(lanes: number, ranks: readonly RankLanes[]): Int32Array {
  const found = new Int32Array(lanes).fill(-1)
  ranks.forEach((rank, at) => { for (const lane of rank.lanes) found[lane] = at })
  return found
}
