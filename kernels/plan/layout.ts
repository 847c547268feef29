import type { Layout } from '../config/runConfig.ts'

/** `count` global positions `start, start + stride, …`; local rows of a shard in order. */
export interface PositionRun {
  readonly start: number
  readonly stride: number
  readonly count: number
}

/**
 * Tokens per rank after padding. Zigzag needs two chunks of equal length a rank, the others one.
 * Padding appends positions `seqLen..paddedSeqLen-1`; they are never attended to and yield no output.
 */
export function shardTokens(layout: Layout, seqLen: number, world: number): number {
  const chunks = layout === 'zigzag' ? 2 : 1
  return chunks * Math.ceil(seqLen / (chunks * world))
}

/**
 * The global positions of a rank's local rows, as runs in local order (reference section 2.3).
 * In every layout positions ascend with the local row, so any causal mask between two shards allows each
 * query row a contiguous range of local key rows; see `keyRanges`.
 */
export function shardRuns(layout: Layout, world: number, tokens: number, rank: number): PositionRun[] {
  switch (layout) {
    case 'contiguous':
      return [{ start: rank * tokens, stride: 1, count: tokens }]
    case 'striped':
      return [{ start: rank, stride: world, count: tokens }]
    case 'zigzag': {
      const half = tokens / 2
      return [
        { start: rank * half, stride: 1, count: half },
        { start: (2 * world - 1 - rank) * half, stride: 1, count: half },
      ]
    }
  }
}

/** Global position of every local row: Int32Array[tokens], ascending. */
export function positionsOf(runs: readonly PositionRun[]): Int32Array {
  const total = runs.reduce((sum, run) => sum + run.count, 0)
  const positions = new Int32Array(total)
  let row = 0
  for (const run of runs) {
    for (let index = 0; index < run.count; index++) positions[row++] = run.start + index * run.stride
  }
  return positions
}

/** The part of a run below `limit`: what is left of it without padding. */
export function clipRun(run: PositionRun, limit: number): PositionRun {
  const below = Math.ceil((limit - run.start) / run.stride)
  return { ...run, count: Math.max(0, Math.min(run.count, below)) }
}
