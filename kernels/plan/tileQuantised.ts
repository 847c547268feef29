import type { RunConfig } from '../config/runConfig.ts'
import { planBasis, type PlanBasis } from './basis.ts'
import { oncePerClass } from './blockClasses.ts'
import { positionAt, type PositionRun, rowsBelow } from './layout.ts'
import { alikeItems, distinctItems, visibleInterval } from './mask.ts'
import type { Plan } from './plan.ts'
import { forwardLoad, plannerOf } from './planRun.ts'

/** Tile rows (or rows, where a mask makes each see other keys) times blocks that are looked at before it takes too long. */
const MOST_LOOKUPS = 2 ** 25

/** A kernel's block of local query rows by local key rows. */
export interface Tile {
  readonly blockQ: number
  readonly blockK: number
}

/** Keys that a piece of a row of tiles sees between them, as an interval of global positions. */
interface TileRowPiece {
  readonly tileRow: number
  readonly from: number
  readonly to: number
}

/** Of each set whose items differ, the items that are to be counted. */
const alikeOfSets = ({ config, geometry: { ringSets, batch } }: PlanBasis): ReturnType<typeof alikeItems>[] =>
  Array.from({ length: config.keyPadding === null ? 1 : ringSets }, (_, set) => alikeItems(config, distinctItems(config, set * batch, batch)))

/** Whether whole tiles are counted in less than seconds: not under a lookback window or documents in worlds or tiles beyond all reason. */
export function tilesAreCountable(basis: PlanBasis, tile: Tile): boolean {
  const { config, geometry: { ringSize }, computeTokens, shards } = basis
  const lookups = alikeOfSets(basis).reduce((sum, alike, set) => sum + alike.length * (seesFromFirstKey(config)
    ? basis.classes(set).count * Math.ceil(computeTokens / tile.blockQ)
    : ringSize * shards.reduce((pieces, shard) => pieces + mostPieces(tile, shard), 0)), 0)
  return lookups <= MOST_LOOKUPS
}

/**
 * Counts the pairs of whole tiles that hold an allowed pair between the queries of one ring position and the keys of another,
 * in the units of `PlanBasis.pairs`. Each kind of block is counted once ({@link blockClasses}), when it is first asked for.
 * @returns null where they are too many: {@link tilesAreCountable}.
 */
export function tilePairCounter(basis: PlanBasis, tile: Tile): PlanBasis['pairs'] | null {
  if (!tilesAreCountable(basis, tile)) return null
  const { config, computeTokens, shards } = basis
  const counters = alikeOfSets(basis).map((alike, set) => {
    const parts = alike.map(({ item, count }) => {
      const known: TileRowPiece[][] = []
      return { count, piecesOf: (shard: number): TileRowPiece[] => known[shard] ??= tileRowPieces(config, tile, item, shards[shard]) }
    })
    return oncePerClass(basis.classes(set), (query, key) =>
      parts.reduce((sum, { count, piecesOf }) => sum + count * pairsInTiles(tile, piecesOf(query), shards[key], computeTokens), 0))
  })
  return (set, query, key) => counters[counters.length === 1 ? 0 : set](query, key)
}

/**
 * Work and idle figures when whole tiles of `blockQ` local query rows by `blockK` local key rows are computed wherever they
 * hold an allowed pair, as kernels do (reference section 2.5), in the units of the plan's exact figures.
 * @returns null where counting would take seconds.
 */
export function tileQuantised(config: RunConfig): Pick<Plan, 'totalPairs' | 'makespanPairs' | 'idleFraction'> | null {
  const basis = planBasis(config)
  const pairs = tilePairCounter(basis, config)
  return pairs === null ? null : forwardLoad(basis, plannerOf(basis), pairs).totals
}

/**
 * The rows of a shard, cut in pieces within which the keys that rows see join to one interval. Where all rows see from the
 * first key on, these are whole rows of tiles, and their last real row sees most; else they are rows at consecutive positions.
 */
function tileRowPieces(config: RunConfig, { blockQ }: Tile, item: number, shard: readonly PositionRun[]): TileRowPiece[] {
  const { seqLen } = config
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

/** Most pieces that {@link tileRowPieces} can find in a shard whose rows see from other keys on. */
const mostPieces = ({ blockQ }: Tile, shard: readonly PositionRun[]): number =>
  shard.reduce((sum, { count, width }) => sum + count * (1 + Math.ceil(width / blockQ)), 0)

/** Pairs of the tiles between two shards of `tokens` rows that hold an allowed pair. */
function pairsInTiles({ blockQ, blockK }: Tile, pieces: readonly TileRowPiece[], keys: readonly PositionRun[], tokens: number): number {
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
