import type { Plan } from '../../kernels/plan/plan.ts'
import { type Channel, CHANNELS, laneOf, RANK_LANES, type RankLane } from '../../kernels/timeline/categories.ts'
import type { Timeline, TimelineBuilder } from './timeline.ts'

/** The lanes that ranks of a plan have, in drawing order: computing, and a pair for every channel that carries something. */
export function planLanes({ traffic }: Pick<Plan, 'traffic'>): RankLane[] {
  const used = new Set(traffic.flatMap(({ channel }) => [laneOf(channel, 'send'), laneOf(channel, 'recv')]))
  return RANK_LANES.filter((lane) => lane === 'compute' || used.has(lane))
}

/** What a rank's lane is called: "Rank 3 · send gradient". */
export const rankLaneName = (rank: number, lane: RankLane): string => `Rank ${rank} · ${lane}`

/** Lane indices of every rank, by rank, then code of the lane (its place in RANK_LANES); -1 where a rank has no such lane. */
export type RankLaneIndices = readonly Int32Array[]

/** Adds the lanes of all ranks of a plan, rank by rank: the same ones for a run and for its simulation. */
export function addRankLanes(builder: TimelineBuilder, plan: Pick<Plan, 'traffic' | 'world'>): RankLaneIndices {
  const lanes = planLanes(plan)
  return Array.from({ length: plan.world }, (_, rank) => {
    const indices = new Int32Array(RANK_LANES.length).fill(-1)
    for (const lane of lanes) {
      const tid = RANK_LANES.indexOf(lane)
      indices[tid] = builder.addLane({ rank, name: rankLaneName(rank, lane), pid: rank, tid })
    }
    return indices
  })
}

/** The channel of a lane's code; null for computing and for codes that are none. */
const channelOfLane = (code: number): Channel | null => (code < 1 ? null : CHANNELS.at((code - 1) >> 1) ?? null)

/** The channel that a span of one of our own runs was on; null for what is not communication, and in imported traces. */
export function channelOfSpan({ spans, lanes, run }: Pick<Timeline, 'spans' | 'lanes' | 'run'>, spanIndex: number): Channel | null {
  const { rank, tid } = lanes[spans.lane[spanIndex]]
  // A lane without a rank was added to our trace by another tool: its tid means nothing here.
  return run === null || rank === null ? null : channelOfLane(tid)
}
