import type { AttentionBackend, BackendSetup, BlockWork, KvSlot, SpanSink } from '../backend.ts'
import { threadCpuNs } from '../threadCpu.ts'
import { type KeyTensors, NO_KEYS_LSE, type PartialTensors, TfjsKernel } from './kernel.ts'
import { packColumns, packRows, type SliceSpan, unpackRows } from './pack.ts'
import type { Tensor, Tensor3D, TfRuntime } from './tfcore.ts'
import { cutRows, planTiles, type QueryTiles, type RowSpan } from './tiles.ts'

/** What is computed by one operation: one key/value slice, or all of them. */
interface SliceGroup {
  readonly firstKvSlice: number
  readonly kvSlices: number
  /** One a query block. */
  queries: Tensor3D[]
  accumulators: (PartialTensors | undefined)[]
}

/** The generic tfjs kernel as a ring backend: copies in and out, and the accumulators of a pass. */
export class TfjsBackend implements AttentionBackend {
  readonly id
  readonly device
  readonly computes = true
  readonly #runtime: TfRuntime
  readonly #setup: BackendSetup
  readonly #kernel: TfjsKernel
  readonly #queryBlocks: readonly RowSpan[]
  readonly #keyBlocks: readonly RowSpan[]
  /** Query heads a key/value head. */
  readonly #headsPerKvHead: number
  readonly #groups: readonly SliceGroup[]

  constructor(runtime: TfRuntime, setup: BackendSetup) {
    const { shape } = setup
    this.id = runtime.id
    this.device = runtime.device
    this.#runtime = runtime
    this.#setup = setup
    this.#kernel = new TfjsKernel(runtime)
    this.#queryBlocks = cutRows(shape.tokens, shape.blockQ)
    this.#keyBlocks = cutRows(shape.tokens, shape.blockK)
    this.#headsPerKvHead = shape.heads / shape.kvHeads
    const kvSlices = shape.batch * shape.kvHeads
    const perGroup = runtime.batchesSlices ? kvSlices : 1
    this.#groups = cutRows(kvSlices, perGroup).map(({ from, to }): SliceGroup => ({
      firstKvSlice: from, kvSlices: to - from, queries: [], accumulators: [],
    }))
  }

  async begin(spans: SpanSink): Promise<void> {
    const { shape, arena } = this.#setup
    const startNs = spans.now()
    this.#releasePass()
    // The scale goes into Q, once, instead of into every tile's scores.
    const scale = 1 / Math.sqrt(shape.headDim)
    for (const group of this.#groups) {
      group.queries = this.#queryBlocks.map((rows) => this.#runtime.tf.tensor3d(
        packRows(arena.q, this.#querySlices(group, shape.headDim), rows, scale),
        [group.kvSlices, this.#headsPerKvHead * (rows.to - rows.from), shape.headDim]))
      group.accumulators = this.#queryBlocks.map(() => undefined)
    }
    await this.#fence(this.#groups.at(-1)?.queries.at(-1))
    spans.record('h2d', startNs, spans.now(), { bytes: arena.q.byteLength })
  }

  async attend(work: BlockWork, spans: SpanSink): Promise<void> {
    const plan = planTiles(work.ranges, this.#queryBlocks, this.#keyBlocks)
    if (plan.length === 0) return

    const startNs = spans.now()
    this.#kernel.prepareMasks(plan)
    const keys = this.#groups.map((group) => this.#takeKeys(work.slot, group, plan))
    const taken = keys.flatMap((ofGroup) => [...ofGroup.values()])
    await this.#fence(taken.at(-1)?.v)
    const takenNs = spans.now()
    spans.record('h2d', startNs, takenNs, { bytes: taken.reduce((sum, { k, v }) => sum + 4 * (k.size + v.size), 0) })

    const takenCpuNs = this.#cpuNs()
    const results = this.#groups.map((group, at) =>
      plan.map(({ queryBlock, tiles }) => this.#kernel.attend(group.queries[queryBlock], tiles, keys[at])))
    this.#runtime.tf.dispose(taken.flatMap(({ k, v }) => [k, v]))
    await this.#fence(results.at(-1)?.at(-1)?.out)
    const cpuNs = this.#cpuNs() - takenCpuNs
    const computedNs = spans.now()
    spans.record('compute', takenNs, computedNs, { flops: work.flops, cpuNs: Number.isNaN(cpuNs) ? undefined : cpuNs })

    if (this.#accumulate(plan, results)) {
      await this.#fence(this.#groups.at(-1)?.accumulators.findLast((partial) => partial !== undefined)?.out)
      spans.record('merge', computedNs, spans.now())
    }
  }

  /** @returns whether anything was there to join with. */
  #accumulate(plan: readonly QueryTiles[], results: readonly (readonly PartialTensors[])[]): boolean {
    let joined = false
    this.#groups.forEach((group, ofGroup) => {
      plan.forEach(({ queryBlock }, at) => {
        const result = results[ofGroup][at]
        const accumulator = group.accumulators[queryBlock]
        if (accumulator !== undefined) joined = true
        group.accumulators[queryBlock] = accumulator === undefined ? result : this.#kernel.join(accumulator, result)
      })
    })
    return joined
  }

  async finish(spans: SpanSink): Promise<void> {
    const { shape, arena } = this.#setup
    const startNs = spans.now()
    for (const group of this.#groups) {
      const outSlices = this.#querySlices(group, shape.headDim)
      const lseSlices = this.#querySlices(group, 1)
      for (const [block, rows] of this.#queryBlocks.entries()) {
        const accumulator = group.accumulators[block]
        const count = outSlices.count * (rows.to - rows.from)
        const out = accumulator === undefined ? new Float32Array(count * shape.headDim) : await read(accumulator.out)
        const lse = accumulator === undefined ? new Float32Array(count).fill(-Infinity) : await read(accumulator.lse)
        clearRowsWithoutKeys(out, lse, shape.headDim)
        unpackRows(out, arena.out, outSlices, rows)
        unpackRows(lse, arena.lse, lseSlices, rows)
      }
    }
    this.#releasePass()
    spans.record('d2h', startNs, spans.now(), { bytes: arena.out.byteLength + arena.lse.byteLength })
  }

  async dispose(): Promise<void> {
    this.#releasePass()
    this.#kernel.dispose()
  }

  /** CPU time of the computing thread; NaN where another one computes, or where the engine does not tell. */
  #cpuNs(): number {
    return this.#runtime.asynchronous ? Number.NaN : threadCpuNs() ?? Number.NaN
  }

  #querySlices(group: SliceGroup, headDim: number): SliceSpan {
    return {
      first: group.firstKvSlice * this.#headsPerKvHead, count: group.kvSlices * this.#headsPerKvHead,
      tokens: this.#setup.shape.tokens, headDim,
    }
  }

  /** Copies the key blocks that the plan touches out of the slot. */
  #takeKeys(slot: KvSlot, group: SliceGroup, plan: readonly QueryTiles[]): Map<number, KeyTensors> {
    const { tf, transposesKeysOnHost } = this.#runtime
    const { tokens, headDim } = this.#setup.shape
    const slices: SliceSpan = { first: group.firstKvSlice, count: group.kvSlices, tokens, headDim }
    const touched = new Set(plan.flatMap(({ tiles }) => tiles.map((tile) => tile.keyBlock)))
    return new Map([...touched].map((block): [number, KeyTensors] => {
      const rows = this.#keyBlocks[block]
      const count = rows.to - rows.from
      const rowMajor: [number, number, number] = [group.kvSlices, count, headDim]
      return [block, {
        k: transposesKeysOnHost
          ? tf.tensor3d(packColumns(slot.k, slices, rows), [group.kvSlices, headDim, count])
          : tf.tensor3d(packRows(slot.k, slices, rows), rowMajor),
        v: tf.tensor3d(packRows(slot.v, slices, rows), rowMajor),
      }]
    }))
  }

  /** On a device that runs ops asynchronously: waits until `result` is there, by reading one element of it. */
  async #fence(result: Tensor | undefined): Promise<void> {
    if (!this.#runtime.asynchronous || result === undefined) return
    const { tf } = this.#runtime
    const element = tf.tidy(() => tf.slice(tf.reshape(result, [result.size]), [0], [1]))
    await element.data()
    element.dispose()
  }

  #releasePass(): void {
    for (const group of this.#groups) {
      this.#runtime.tf.dispose(group.queries)
      this.#kernel.release(group.accumulators.filter((partial) => partial !== undefined))
      group.queries = []
      group.accumulators = []
    }
  }
}

/** A copy of a float32 tensor's values: a backend's own array may be the tensor's storage. */
async function read(tensor: Tensor): Promise<Float32Array> {
  return Float32Array.from(await tensor.data<'float32'>())
}

function clearRowsWithoutKeys(out: Float32Array, lse: Float32Array, headDim: number): void {
  for (let row = 0; row < lse.length; row++) {
    if (lse[row] > NO_KEYS_LSE) continue
    lse[row] = -Infinity
    out.fill(0, row * headDim, (row + 1) * headDim)
  }
}
