import { cutRows } from '../backends/tfjs/tiles.ts'
import { seenKeys } from './rowRanges.ts'
import type { Stream, TiledBlock, TileWork } from './tileWork.ts'
import { FLOAT_BYTES, slicesAtOnce, workingSetBytes } from './workingSet.ts'

/** tfjs operations of a tile, of its mask, and of joining two partial results (kernels/backends/tfjs/forwardKernel.ts). */
const TILE_OPERATIONS = 7
const MASK_OPERATIONS = 1
const JOIN_OPERATIONS = 13
/** Those of a tile's gradient, its three sums included (gradientKernel.ts). */
const GRADIENT_OPERATIONS = 12
/**
 * Times that the bytes of a score-sized array go between the caches, with next to no arithmetic beside them. What is written counts
 * twice: a line is fetched before it is written, and written back. So the first product writes (2), the softmax reads and writes
 * (3), and two maxima read (2); what products read in order is fetched ahead, beside their arithmetic. A mask reads two and writes one.
 */
const SCORE_PASSES = 7
const MASK_PASSES = 4
/** Likewise: two differences and a product, of two arrays or one, into one. */
const GRADIENT_PASSES = 10
/** Query rows that a product of matrices handles for each time it goes through the other operand. */
const PRODUCT_ROWS = 6

/**
 * The generic tfjs kernel: whole tiles wherever a pair of them is allowed, one operation after the other over arrays of scores that
 * exist as a whole. So scores are streamed from wherever two of them stay; beside the products' arithmetic go their right operands.
 */
export function genericWork(block: TiledBlock): TileWork {
  const { backend, shape, ranges, backward } = block
  const { batch, headDim, tokens, blockQ, blockK, kvHeads } = shape
  const { query: queryHeads, keyValue } = slicesAtOnce(backend, shape)
  const groups = (batch * kvHeads) / keyValue / ranges.length
  const count = { tiles: 0, masked: 0, joins: 0, pairs: 0, maskedPairs: 0, rows: 0 }
  const keyBlocks = Math.ceil(tokens / blockK)
  for (const range of ranges) {
    for (const { from, to } of cutRows(tokens, blockQ)) {
      const seen = seenKeys(range, from, to)
      if (seen === null) continue
      const first = Math.floor(seen.from / blockK)
      const last = Math.min(keyBlocks, Math.ceil(seen.to / blockK))
      for (let tile = first; tile < last; tile++) {
        const columns = Math.min(tokens, (tile + 1) * blockK) - tile * blockK
        const whole = seen.allFrom <= tile * blockK && tile * blockK + columns <= seen.allTo
        count.tiles++
        count.pairs += (to - from) * columns
        count.rows += to - from
        if (whole) continue
        count.masked++
        count.maskedPairs += (to - from) * columns
      }
      count.joins += last - first - 1
    }
  }
  const scoreBytes = groups * queryHeads * FLOAT_BYTES
  const passes = backward ? SCORE_PASSES + GRADIENT_PASSES : SCORE_PASSES
  const maskPasses = backward ? 2 * MASK_PASSES : MASK_PASSES
  const operations = backward ? TILE_OPERATIONS + GRADIENT_OPERATIONS : TILE_OPERATIONS
  const products = backward ? 7 : 2
  const operand = Math.min(blockK, tokens) * headDim * FLOAT_BYTES
  const streams: Stream[] = [
    { bytes: scoreBytes * (passes * count.pairs + maskPasses * count.maskedPairs), setBytes: workingSetBytes(backend, shape, backward), overlapped: false },
    { bytes: groups * queryHeads * products * (count.rows / PRODUCT_ROWS) * operand, setBytes: operand, overlapped: true },
  ]
  return {
    rows: groups * queryHeads * (backward ? 2 : 1) * count.rows,
    units: groups * (operations * count.tiles + (backward ? 2 : 1) * MASK_OPERATIONS * count.masked + JOIN_OPERATIONS * count.joins),
    flops: groups * queryHeads * (backward ? 14 : 4) * headDim * count.pairs,
    streams,
  }
}
