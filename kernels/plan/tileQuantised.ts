import type { RunConfig } from '../config/runConfig.ts'
import { planBasis, type PlanBasis } from './basis.ts'
import { positionAt, type PositionRun, rowsBelow } from './layout.ts'
import { alikeItems, distinctItems, visibleInterval } from './mask.ts'
import type { Plan } from './plan.ts'
import { forwardLoad, plannerOf } from './planRun.ts'

const LARGEST_WORLD = 128
/** Tile rows (or rows, where a mask makes each see other keys) times blocks that are looked at before it takes too long. */
const MOST_LOOKUPS = 2 ** 25

/** Keys that a piece of a row of tiles sees between them, as an interval of global positions. */
interface TileRowPiece {
  readonly tileRow: number
  readonly from: number
  readonly to: number
}

/**
 * Work and idle figures when whole tiles of `blockQ` local query rows by `blockK` local key rows are computed wherever they
 * hold an allowed pair, as kernels do (reference section 2.5), in the units of the plan's exact figures.
 * @returns null above 128 ranks, and where counting would take seconds.
 */
export function tileQuantised(config: RunConfig): Pick<Plan, 'totalPairs' | 'makespanPairs' | 'idleFraction'> | null {
  if (config.world > LARGEST_WORLD) return null
  const basis = planBasis(config)
  const { geometry: { ringSets, ringSize, batch }, computeTokens, shards } = basis
  const alikeOfSet = Array.from({ length: config.keyPadding === null ? 1 : ringSets }, (_, set) =>
    alikeItems(config, distinctItems(config, set * batch, batch)))
  const kinds = alikeOfSet.reduce((sum, alike) => sum + alike.length, 0)
  const pieces = shards.reduce((sum, shard) => sum + mostPieces(config, shard, computeTokens), 0)
  if (kinds * pieces * ringSize > MOST_LOOKUPS) return null

  const sets = alikeOfSet.map((alike) =>
    alike.map(({ item, count }) => ({ count, pieces: shards.map((shard) => tileRowPieces(config, item, shard)) })))
  const tables = sets.map((alike) => {
    const table = new Float64Array(ringSize * ringSize).fill(Number.NaN)
    return (query: number, key: number): number => {
      const at = query * ringSize + key
      if (Number.isNaN(table[at])) {
        table[at] = alike.reduce((sum, { count, pieces }) => sum + count * pairsInTiles(config, pieces[query], shards[key], computeTokens), 0)
      }
      return table[at]
    }
  })
  const pairs: PlanBasis['pairs'] = (set, query, key) => tables[tables.length === 1 ? 0 : set](query, key)
  return forwardLoad(basis, plannerOf(basis), pairs).totals
}

/**
 * The rows of a shard, cut in pieces within which the keys that rows see join to one interval. Where all rows see from the
 * first key on, these are whole rows of tiles, and their last real row sees most; else they are rows at consecutive positions.
 */
function tileRowPieces(config: RunConfig, item: number, shard: readonly PositionRun[]): TileRowPiece[] {
  const { blockQ, seqLen } = config
  const keyEnd = config.keyPadding?.[item] ?? seqLen
  const realRows = rowsBelow(shard, seqLen)
  const pieces: TileRowPiece[] = []
  const add = (tileRow: number, firstPosition: number, lastPosition: number): void => {
    const { from } = visibleInterval(config, item, firstPosition)
    const to = Math.min(keyEnd, visibleInterval(config, item, lastPosition).to)
    if (from < to) pieces.push({ tileRow, from, to })
  }
  if (seesFromFirstKey(config)) {
    for (let row = 0; row < realRows; row += blockQ) add(row / blockQ, 0, positionAt(shard, Math.min(realRows, row + blockQ) - 1))
    return pieces
  }
  let row = 0
  for (const { start, stride, count, width } of shard) {
    for (let group = 0; group < count; group++) {
      for (let index = 0; index < width && row < realRows;) {
        const tileRow = Math.floor(row / blockQ)
        const rows = Math.min(width - index, (tileRow + 1) * blockQ - row, realRows - row)
        const first = start + group * stride + index
        add(tileRow, first, first + rows - 1)
        index += rows
        row += rows
      }
    }
  }
  return pieces
}

const seesFromFirstKey = ({ lookback, cuSeqlens }: RunConfig): boolean => lookback === null && cuSeqlens === null

/** Most pieces that {@link tileRowPieces} can find in a shard. */
const mostPieces = (config: RunConfig, shard: readonly PositionRun[], tokens: number): number => seesFromFirstKey(config)
  ? Math.ceil(tokens / config.blockQ)
  : shard.reduce((sum, { count, width }) => sum + count * (1 + Math.ceil(width / config.blockQ)), 0)

/** Pairs of the tiles between two shards of `tokens` rows that hold an allowed pair. */
function pairsInTiles({ blockQ, blockK }: RunConfig, pieces: readonly TileRowPiece[], keys: readonly PositionRun[], tokens: number): number {
  let pairs = 0
  let tileRow = -1
  /** Key rows of this row of tiles that are counted: pieces ascend, and so do the keys they see. */
  let counted = 0
  for (const piece of pieces) {
    if (piece.tileRow !== tileRow) {
      tileRow = piece.tileRow
      counted = 0
    }
    const from = rowsBelow(keys, piece.from)
    const to = rowsBelow(keys, piece.to)
    if (to <= from) continue
    const firstRow = Math.max(counted, Math.floor(from / blockK) * blockK)
    const endRow = Math.min(tokens, Math.ceil(to / blockK) * blockK)
    if (endRow <= firstRow) continue
    pairs += (endRow - firstRow) * Math.min(blockQ, tokens - tileRow * blockQ)
    counted = endRow
  }
  return pairs
}
