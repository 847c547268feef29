import type { Layout, RunConfig } from '../config/runConfig.ts'
import { type Geometry, geometryOf } from './geometry.ts'

/**
 * `count` groups of `width` consecutive global positions; groups start at `start, start + stride, …` and do not overlap.
 * Local rows of a shard in order.
 */
export interface PositionRun {
  readonly start: number
  readonly stride: number
  readonly count: number
  readonly width: number
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b))
const leastMultiple = (a: number, b: number): number => (a / greatestDivisor(a, b)) * b
const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

/**
 * Tokens of a ring position after padding, that is, of a rank where no Ulysses group shares it. Zigzag needs two chunks of
 * equal length, block-cyclic whole groups, and the `degree` members of a Ulysses group equal parts.
 * Padding appends positions `seqLen..paddedSeqLen-1`; they are never attended to and yield no output.
 */
export function shardTokens(layout: Layout, seqLen: number, ringSize: number, degree = 1, cyclicWidth = 1): number {
  const unit = layout === 'zigzag' ? 2 : layout === 'block-cyclic' ? cyclicWidth : 1
  return roundUp(Math.ceil(seqLen / ringSize), leastMultiple(unit, degree))
}

/**
 * The global positions of a ring position's local rows, as runs in local order (reference section 2.3).
 * In every layout positions ascend with the local row, so any mask that allows an interval of positions allows each
 * query row a contiguous range of local key rows; see `keyRanges`.
 * @param tokens of {@link shardTokens}
 * @param cyclicWidth tokens dealt at a time, with `block-cyclic`
 */
export function shardRuns(layout: Layout, ringSize: number, tokens: number, position: number, cyclicWidth = 1): PositionRun[] {
  const piece = (start: number, width: number): PositionRun => ({ start, stride: width, count: 1, width })
  const dealt = (width: number): PositionRun =>
    ({ start: position * width, stride: ringSize * width, count: tokens / width, width })
  switch (layout) {
    case 'contiguous': return [piece(position * tokens, tokens)]
    case 'striped': return [dealt(1)]
    case 'block-cyclic': return [dealt(cyclicWidth)]
    case 'zigzag': {
      const half = tokens / 2
      return [piece(position * half, half), piece((2 * ringSize - 1 - position) * half, half)]
    }
  }
}

/** How a config's tokens are dealt out. */
export interface TokenLayout {
  readonly geometry: Geometry
  /** Tokens that a rank computes on: those of its ring position. */
  readonly computeTokens: number
  /** Tokens that a rank owns: c. */
  readonly shardTokens: number
  readonly paddedSeqLen: number
}

export type TokenLayoutConfig = Parameters<typeof geometryOf>[0] & Pick<RunConfig, 'layout' | 'seqLen' | 'cyclicWidth'>

export function tokenLayout(config: TokenLayoutConfig): TokenLayout {
  const geometry = geometryOf(config)
  const { ringSize, degree } = geometry
  const computeTokens = shardTokens(config.layout, config.seqLen, ringSize, degree, config.cyclicWidth)
  return { geometry, computeTokens, shardTokens: computeTokens / degree, paddedSeqLen: computeTokens * ringSize }
}

/** The shards of all ring positions. */
export function positionShards(config: TokenLayoutConfig): PositionRun[][] {
  const { geometry: { ringSize }, computeTokens } = tokenLayout(config)
  return Array.from({ length: ringSize }, (_, position) =>
    shardRuns(config.layout, ringSize, computeTokens, position, config.cyclicWidth))
}

export const tokensOfRuns = (runs: readonly PositionRun[]): number => runs.reduce((sum, { count, width }) => sum + count * width, 0)

/** Global position of every local row: Int32Array[tokens], ascending. */
export function positionsOf(runs: readonly PositionRun[]): Int32Array {
  const positions = new Int32Array(tokensOfRuns(runs))
  let row = 0
  for (const { start, stride, count, width } of runs) {
    for (let group = 0; group < count; group++) {
      for (let index = 0; index < width; index++) positions[row++] = start + group * stride + index
    }
  }
  return positions
}

/** Appends to `into` what of a run lies in [from, to): at most a cut group, whole groups, and a cut group. */
export function clipRun(run: PositionRun, from: number, to: number, into: PositionRun[]): void {
  const { start, stride, count, width } = run
  const first = Math.max(0, Math.floor((from - start) / stride))
  const last = Math.min(count, Math.ceil((to - start) / stride)) - 1
  let wholeFrom = first
  let wholeTo = last + 1
  const cut = (group: number): PositionRun | null => {
    const groupStart = start + group * stride
    const low = Math.max(groupStart, from)
    const high = Math.min(groupStart + width, to)
    return high - low === width ? run : { start: low, stride, count: high > low ? 1 : 0, width: high - low }
  }
  const head = first <= last ? cut(first) : null
  const tail = first < last ? cut(last) : null
  if (head !== null && head !== run) wholeFrom++
  if (tail !== null && tail !== run) wholeTo--
  if (head !== null && head !== run && head.count > 0) into.push(head)
  if (wholeTo > wholeFrom) into.push({ start: start + wholeFrom * stride, stride, count: wholeTo - wholeFrom, width })
  if (tail !== null && tail !== run && tail.count > 0) into.push(tail)
}

/** Number of a shard's positions that are below `limit`: the local row of the first one that is not. */
export function rowsBelow(runs: readonly PositionRun[], limit: number): number {
  let rows = 0
  for (const { start, stride, count, width } of runs) {
    if (limit <= start) break
    const groups = Math.floor((limit - start) / stride)
    rows += groups >= count ? count * width : groups * width + Math.min(width, limit - start - groups * stride)
  }
  return rows
}

/** Global position of local row `row`. @throws RangeError for a row that the shard does not have. */
export function positionAt(runs: readonly PositionRun[], row: number): number {
  let before = 0
  for (const { start, stride, count, width } of runs) {
    const within = row - before
    if (within < count * width) return start + Math.floor(within / width) * stride + within % width
    before += count * width
  }
  throw new RangeError(`no row ${row} in a shard of ${before}`)
}
