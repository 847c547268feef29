import type { KvSlot, QuerySide, RankShape } from '../backend.ts'
import type { KeyTensors, PartialTensors } from './forwardKernel.ts'
import { type KeyOperands, type Operand, type QueryOperands, UNREACHABLE_LSE } from './gradientKernel.ts'
import { type PackOptions, packColumns, packRows, type SliceSpan } from './pack.ts'
import type { Tensor3D, TfRuntime } from './tfcore.ts'
import { MASKED_SCORE, type RowSpan } from './tiles.ts'

/**
 * The batch x heads that one operation computes, and how their rows become tensors. One key/value slice where that is
 * faster, else all slices that have one mask: the whole batch, or an item of it where masks differ.
 */
export class SliceGroup {
  /** Batch item of the first slice; the only one where masks differ between items. */
  readonly item: number
  readonly #runtime: TfRuntime
  readonly #firstKvSlice: number
  readonly #kvSlices: number
  /** Query heads a key/value head. */
  readonly #heads: number
  readonly #tokens: number
  readonly #headDim: number

  constructor(runtime: TfRuntime, shape: RankShape, kvSlices: RowSpan) {
    this.item = Math.floor(kvSlices.from / shape.kvHeads)
    this.#runtime = runtime
    this.#firstKvSlice = kvSlices.from
    this.#kvSlices = kvSlices.to - kvSlices.from
    this.#heads = shape.heads / shape.kvHeads
    this.#tokens = shape.tokens
    this.#headDim = shape.headDim
  }

  /** The slices of arrays with a row of `width` elements a query, or a key. */
  queries(width = this.#headDim): SliceSpan {
    return { first: this.#firstKvSlice * this.#heads, count: this.#kvSlices * this.#heads, tokens: this.#tokens, headDim: width }
  }

  keys(): SliceSpan {
    return { first: this.#firstKvSlice, count: this.#kvSlices, tokens: this.#tokens, headDim: this.#headDim }
  }

  /** Query heads that are one operand. */
  get headsPerOperand(): number {
    return this.#heads
  }

  /** Q for a forward pass: scaled once, instead of in every tile's scores. */
  forwardQuery(side: QuerySide, rows: RowSpan): Tensor3D {
    return this.#queryRows(side.q, rows, { factor: 1 / Math.sqrt(this.#headDim) })
  }

  /** K and V for a forward pass. Rows that nothing attends to are 0, so that what they hold (NaN even) cannot matter. */
  forwardKeys(slot: KvSlot, rows: RowSpan, attended: Uint8Array): KeyTensors {
    const { transposesOnHost } = this.#runtime
    return {
      k: transposesOnHost ? this.#keyColumns(slot.k, rows, attended) : this.#keyRows(slot.k, rows, attended),
      v: this.#keyRows(slot.v, rows, attended),
    }
  }

  /** A finished partial result on its way into the accumulators. */
  partial(side: QuerySide, rows: RowSpan): PartialTensors {
    const slices = this.queries(1)
    const lse = packRows(side.lse, slices, rows)
    for (let at = 0; at < lse.length; at++) lse[at] = Math.max(lse[at], MASKED_SCORE)
    const seen = keptBy(side.lse, this.#tokens)
    return {
      out: this.#queryRows(side.out, rows, { keep: seen }),
      lse: this.#tensor(lse, slices.count / this.#heads, this.#heads * (rows.to - rows.from), 1),
    }
  }

  backwardQuery(side: QuerySide, rows: RowSpan): QueryOperands {
    const keep = keptBy(side.lse, this.#tokens)
    const slices = this.queries(1)
    const lse = packRows(side.lse, slices, rows)
    for (let at = 0; at < lse.length; at++) if (lse[at] === -Infinity) lse[at] = UNREACHABLE_LSE
    const perRow = (values: Float32Array<ArrayBuffer>): Tensor3D =>
      this.#tensor(values, this.#kvSlices, 1, this.#heads * (rows.to - rows.from))
    return {
      q: this.#queryOperand(side.q, rows, { keep, factor: 1 / Math.sqrt(this.#headDim) }),
      dOut: this.#queryOperand(side.dOut, rows, { keep }),
      lse: perRow(lse),
      delta: perRow(packRows(side.delta, slices, rows, { keep })),
    }
  }

  backwardKeys(slot: KvSlot, rows: RowSpan, attended: Uint8Array): KeyOperands {
    return {
      k: {
        rows: this.#keyRows(slot.k, rows, attended),
        columns: this.#runtime.transposesOnHost ? this.#keyColumns(slot.k, rows, attended) : null,
      },
      v: this.#keyRows(slot.v, rows, attended),
    }
  }

  #queryOperand(source: Float32Array, rows: RowSpan, options: PackOptions): Operand {
    const count = this.#heads * (rows.to - rows.from)
    return {
      rows: this.#queryRows(source, rows, options),
      columns: this.#runtime.transposesOnHost
        ? this.#tensor(packColumns(source, this.queries(), rows, this.#heads, options), this.#kvSlices, this.#headDim, count)
        : null,
    }
  }

  #queryRows(source: Float32Array, rows: RowSpan, options: PackOptions): Tensor3D {
    return this.#tensor(packRows(source, this.queries(), rows, options), this.#kvSlices, this.#heads * (rows.to - rows.from), this.#headDim)
  }

  #keyRows(source: Float32Array, rows: RowSpan, attended: Uint8Array): Tensor3D {
    return this.#tensor(packRows(source, this.keys(), rows, onlyRows(attended, rows)), this.#kvSlices, rows.to - rows.from, this.#headDim)
  }

  #keyColumns(source: Float32Array, rows: RowSpan, attended: Uint8Array): Tensor3D {
    const values = packColumns(source, this.keys(), rows, 1, onlyRows(attended, rows))
    return this.#tensor(values, this.#kvSlices, this.#headDim, rows.to - rows.from)
  }

  #tensor(values: Float32Array<ArrayBuffer>, slices: number, rows: number, columns: number): Tensor3D {
    return this.#runtime.tf.tensor3d(values, [slices, rows, columns])
  }
}

/** Nothing to ask where all rows are kept: whole blocks are then copied at once. */
function onlyRows(kept: Uint8Array, rows: RowSpan): PackOptions {
  return kept.subarray(rows.from, rows.to).every((keep) => keep === 1) ? {} : { keep: (_slice, row) => kept[row] === 1 }
}

/** Rows that have seen a key. @param lse [slices, tokens] */
const keptBy = (lse: Float32Array, tokens: number) => (slice: number, row: number): boolean => lse[slice * tokens + row] !== -Infinity
