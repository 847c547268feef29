import type { Stream, TiledBlock, TileWork } from './tileWork.ts'
import { seenKeys } from './rowRanges.ts'
import { FLOAT_BYTES, PIECE_KEYS, STRIP_QUERIES } from './workingSet.ts'

/** Register tiles are 6, 4 or 1 rows high (kernels/assembly/split.ts), 8 dimensions wide in gradients of keys. */
const TILE_ROWS = 6
const PANEL_DIMS = 8
/** What a strip costs beside its register tiles, in such: a call each for scores, softmax and output, and the ranges of its rows. */
const STRIP_CALLS = 4
/**
 * Time of a row in a register tile of 4 or 1 rows over that in one of 6: fewer chains of multiply-adds than their latency asks for
 * (2 lanes a row; a chain of 4 cycles, two multiply-adds a cycle), and more loads for each.
 */
const FOUR_COST = 1.15
const ONE_COST = 3

/** Rows and register tiles of a product over `count` rows, in rows of full-height tiles. */
function split(count: number): { readonly rows: number; readonly tiles: number } {
  const rest = (count % TILE_ROWS) & ~1
  const fours = rest === 4 ? 1 : rest === 2 && count >= 8 ? 2 : 0
  const sixes = Math.floor((count - 4 * fours) / TILE_ROWS)
  const ones = count - TILE_ROWS * sixes - 4 * fours
  return { rows: TILE_ROWS * sixes + 4 * fours * FOUR_COST + ones * ONE_COST, tiles: sixes + fours + ones }
}

/** Sums of {@link split} over the parts in which keys [from, to) are met, cut at multiples of `tile` and there in pieces. */
function splitTiles(from: number, to: number, tile: number, piece: number): { rows: number; tiles: number; parts: number } {
  const sum = { rows: 0, tiles: 0, parts: 0 }
  const add = (count: number, times: number): void => {
    if (count <= 0 || times <= 0) return
    const whole = Math.floor(count / piece)
    for (const [keys, of] of [[Math.min(piece, count), whole], [count - whole * piece, 1]]) {
      if (keys === 0 || of === 0) continue
      const { rows, tiles } = split(keys)
      sum.rows += times * of * rows
      sum.tiles += times * of * tiles
      sum.parts += times * of
    }
  }
  const firstEnd = Math.min(to, (Math.floor(from / tile) + 1) * tile)
  const lastStart = Math.max(firstEnd, Math.floor(to / tile) * tile)
  add(firstEnd - from, 1)
  add(tile, Math.round((lastStart - firstEnd) / tile))
  add(to - lastStart, 1)
  return sum
}

/**
 * The fused kernel (kernels/assembly). Forward, per query tile: every strip of 8 queries meets the tile's keys in pieces of 72,
 * only those that it sees. Arithmetic and loads share their loops. K and V are streamed once per query tile from wherever a head's
 * keys stay; within it a piece once per strip, and the strips' queries and accumulators once per piece.
 *
 * Backward, per query tile and key tile: two score products, their weights P and dS kept for the whole tile
 * (2 bq bk floats, touched nine times: written, exponentiated, multiplied, read by three products), then dK and dV over all strips.
 */
export function fusedWork({ shape, ranges, backward }: TiledBlock): TileWork {
  const { batch, heads, headDim, tokens, blockQ, blockK } = shape
  const queries = Math.min(blockQ, tokens)
  const keys = Math.min(blockK, tokens)
  const slices = (batch * heads) / ranges.length
  const dims = split(headDim)
  const piece = Math.min(keys, PIECE_KEYS)
  const count = { forwardUnits: 0, forwardRows: 0, pieceBytes: 0, panelBytes: 0, blockBytes: 0, backwardUnits: 0, backwardRows: 0, pairBytes: 0 }
  const rowBytes = FLOAT_BYTES * headDim
  for (const range of ranges) {
    for (let first = 0; first < tokens; first += queries) {
      const end = Math.min(tokens, first + queries)
      const seen = seenKeys(range, first, end)
      if (seen === null) continue
      count.blockBytes += 2 * (seen.to - seen.from) * rowBytes
      const whole = splitTiles(seen.from, seen.to, keys, keys)
      // dK and dV: register tiles of 6 keys by 8 dimensions, for the whole query tile at once.
      count.backwardUnits += 2 * whole.tiles * Math.ceil(headDim / PANEL_DIMS)
      for (let strip = first; strip < end; strip += STRIP_QUERIES) {
        const own = seenKeys(range, strip, Math.min(end, strip + STRIP_QUERIES))
        if (own === null) continue
        const pieces = splitTiles(own.from, own.to, keys, piece)
        count.forwardUnits += pieces.tiles + pieces.parts * (dims.tiles + STRIP_CALLS)
        count.forwardRows += STRIP_QUERIES * (pieces.rows + ((own.to - own.from) * dims.rows) / headDim) / 2
        count.pieceBytes += 2 * (own.to - own.from) * rowBytes
        count.panelBytes += 3 * STRIP_QUERIES * rowBytes * pieces.parts
        const tiles = splitTiles(own.from, own.to, keys, keys)
        count.backwardUnits += 2 * tiles.tiles + tiles.parts * (dims.tiles + STRIP_CALLS)
        count.backwardRows += STRIP_QUERIES * ((4 * tiles.rows) + ((own.to - own.from) * dims.rows) / headDim) / 5
        count.pairBytes += 9 * STRIP_QUERIES * (own.to - own.from) * FLOAT_BYTES
      }
    }
  }
  const panels = 2 * queries * rowBytes
  const headBytes = 2 * tokens * rowBytes
  const pieceSet = 2 * piece * rowBytes
  const streams: Stream[] = [
    { bytes: slices * count.blockBytes, setBytes: headBytes, overlapped: true },
    { bytes: slices * count.pieceBytes, setBytes: pieceSet + 2 * STRIP_QUERIES * rowBytes, overlapped: true },
    { bytes: slices * count.panelBytes, setBytes: panels + pieceSet, overlapped: true },
  ]
  if (!backward) return { units: slices * count.forwardUnits, rows: 0, flops: slices * count.forwardRows * 4 * headDim, streams }
  const pairSet = 2 * queries * keys * FLOAT_BYTES
  return {
    units: slices * (count.forwardUnits + count.backwardUnits),
    rows: 0,
    flops: slices * headDim * (4 * count.forwardRows + 10 * count.backwardRows),
    streams: [
      ...streams,
      // K, V read twice, dK and dV read and written, once per query tile.
      { bytes: slices * 4 * count.blockBytes, setBytes: 2 * headBytes, overlapped: true },
      { bytes: slices * count.pairBytes, setBytes: pairSet + 2.5 * panels, overlapped: false },
    ],
  }
}
