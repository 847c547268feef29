/**
 * The inputs of every run: a pure function of (seed, tensor, batch item, head, global position, dim), never of rank,
 * layout or world size. So all layouts must give the same output, and any row can be recomputed anywhere. `dout` is the
 * gradient that a backward pass starts from: an input like the others.
 */
export type TensorName = 'q' | 'k' | 'v' | 'dout'

const CHECKSUM_CODE = 4
const TENSOR_CODE: Readonly<Record<TensorName, number>> = { q: 1, k: 2, v: 3, dout: 5 }
/** 2^32 / golden ratio, odd: spreads consecutive integers over the whole range. */
const GOLDEN = 0x9e37_79b9

/** A bijection of 32-bit integers that flips each output bit with probability about 1/2 (Wellons, "lowbias32"). */
function mix(value: number): number {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x21f0_aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a_2d97)
  return x ^ (x >>> 15)
}

const chain = (hash: number, field: number): number => mix(hash ^ Math.imul(field + 1, GOLDEN))

const headHash = (seed: number, code: number, batch: number, head: number): number =>
  chain(chain(chain(mix(seed | 0), code), batch), head)

const elementHash = (rowHash: number, dim: number): number => mix(rowHash + Math.imul(dim + 1, GOLDEN))

/**
 * Sum of the two 16-bit halves, centred: triangular on (-2.5, 2.5) with standard deviation 1.02, so that scores
 * q.k / sqrt(d) have a standard deviation of about 1. An integer below 2^19 times a power of two: exact in float32.
 */
const valueOf = (hash: number): number => ((hash >>> 16) + (hash & 0xffff) - 0xffff) * 5 * 2 ** -17

/** One input element; exactly representable in float32, in (-2.5, 2.5). */
export function inputValue(
  seed: number, tensor: TensorName, batch: number, head: number, position: number, dim: number,
): number {
  return valueOf(elementHash(chain(headHash(seed, TENSOR_CODE[tensor], batch, head), position), dim))
}

/**
 * Writes a rank's share of one input tensor.
 * @param target Float32Array[batch, heads, rows, headDim], row-major
 * @param heads heads of this tensor: query heads for q and dout, key/value heads for k and v
 * @param positions Int32Array[rows], the global position of each local row
 * @param firstItem the batch item that is the first of the target's
 */
export function fillTensor(
  target: Float32Array, seed: number, tensor: TensorName, batch: number, heads: number, positions: Int32Array, headDim: number,
  firstItem = 0,
): void {
  const expected = batch * heads * positions.length * headDim
  if (target.length !== expected) {
    throw new RangeError(`${tensor} needs ${expected} elements (batch ${batch} x heads ${heads} x rows ${positions.length} x headDim ${headDim}), the buffer has ${target.length}`)
  }
  let at = 0
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const ofHead = headHash(seed, TENSOR_CODE[tensor], firstItem + b, h)
      for (let row = 0; row < positions.length; row++) {
        writeRow(target, at, chain(ofHead, positions[row]), headDim)
        at += headDim
      }
    }
  }
}

function writeRow(target: Float32Array | Float64Array, at: number, rowHash: number, headDim: number): void {
  for (let dim = 0; dim < headDim; dim++) target[at + dim] = valueOf(elementHash(rowHash, dim))
}

/** One input row: `target[dim] = inputValue(..., dim)`, for the whole length of `target`. */
export function fillRow(
  target: Float32Array | Float64Array, seed: number, tensor: TensorName, batch: number, head: number, position: number,
): void {
  writeRow(target, 0, chain(headHash(seed, TENSOR_CODE[tensor], batch, head), position), target.length)
}

/**
 * The weight of one output element in a run's checksum, in +-[0.5, 1.5). Different for any two elements, so that rows
 * that end up in each other's place change the sum. Its sign is that of the value at the same place, which attention
 * mixes into the output: so the terms do not cancel, and two float32 runs agree to about 1e-7 of the sum.
 * @param kvHead the key/value head that `head` reads.
 */
export function checksumWeight(
  seed: number, batch: number, head: number, kvHead: number, position: number, dim: number,
): number {
  const row = checksumRow(seed, batch, head, kvHead, position)
  return weightOf(row, dim)
}

interface ChecksumRow {
  readonly weightHash: number
  readonly valueHash: number
}

const checksumRow = (seed: number, batch: number, head: number, kvHead: number, position: number): ChecksumRow => ({
  weightHash: chain(headHash(0, CHECKSUM_CODE, batch, head), position),
  valueHash: chain(headHash(seed, TENSOR_CODE.v, batch, kvHead), position),
})

function weightOf(row: ChecksumRow, dim: number): number {
  const magnitude = 0.5 + (elementHash(row.weightHash, dim) >>> 0) * 2 ** -32
  return valueOf(elementHash(row.valueHash, dim)) < 0 ? -magnitude : magnitude
}

/** Sum over dim of `rows[from + dim]` times its {@link checksumWeight}, in float64. */
export function weightedRowSum(
  rows: Float32Array, from: number, headDim: number,
  seed: number, batch: number, head: number, kvHead: number, position: number,
): number {
  const row = checksumRow(seed, batch, head, kvHead, position)
  let sum = 0
  for (let dim = 0; dim < headDim; dim++) sum += rows[from + dim] * weightOf(row, dim)
  return sum
}
