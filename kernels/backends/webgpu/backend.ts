import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { StepPass } from '../../plan/plan.ts'
import {
  type AttentionBackend, type BackendSetup, BackendUnavailableError, type BlockWork, type GradientWork, type QuerySide, type RankShape, type SpanSink,
} from '../backend.ts'
import { writeDelta } from '../delta.ts'
import { keyGradientKernel, queryGradientKernel } from './backwardKernels.ts'
import { WEBGPU_ID } from './dawn.ts'
import { type Kernel, type Launch, WebgpuDevice } from './device.ts'
import { forwardKernel, mergeKernel, normalizeKernel } from './forwardKernels.ts'
import { packIntervals } from './keyIntervals.ts'
import { DeviceRows } from './rows.ts'
import { backwardStatistics, partialExponents, writeLogSumExps } from './rowStatistics.ts'
import { chooseTiling, type Tiling } from './tiling.ts'

/** What a query side has on the device between the begin and the end of a pass. */
interface SideBuffers {
  readonly q: GPUBuffer
  /** Output before it is divided by the sums; in a backward pass dQ. */
  readonly gathered: GPUBuffer
  /** Two numbers a row: maximum and sum of a forward pass, log-sum-exp and delta of a backward pass. */
  readonly stats: GPUBuffer
  /** Null without a backward pass. */
  readonly dOut: GPUBuffer | null
}

interface ForwardKernels {
  readonly attend: Kernel
  readonly normalize: Kernel
  readonly merge: Kernel
}

interface BackwardKernels {
  readonly queries: Kernel
  readonly keys: Kernel
}

interface BlockBuffers {
  readonly k: GPUBuffer
  readonly v: GPUBuffer
  readonly ranges: GPUBuffer
  readonly params: GPUBuffer
}

/** The gradient of a K/V block on the device, with the kernels that need it. */
interface Backward {
  readonly kernels: BackwardKernels
  readonly dk: GPUBuffer
  readonly dv: GPUBuffer
}

/**
 * The fused WGSL kernels as a backend. Accumulators stay on the device for a whole pass; queries go there when it
 * begins, K/V blocks with every step, and results come back at its end, dK and dV with every step.
 */
class WebgpuBackend implements AttentionBackend {
  readonly id = WEBGPU_ID
  readonly device: string
  readonly computes = true
  readonly #gpu: WebgpuDevice
  readonly #shape: RankShape
  readonly #rows: DeviceRows
  readonly #tileRows: number
  readonly #forward: ForwardKernels
  readonly #block: BlockBuffers
  readonly #backward: Backward | null
  /** By the side's index; kept for its next pass. */
  readonly #sides = new Map<number, SideBuffers>()
  /** Passes between their begin and their end. */
  readonly #passes = new Map<number, StepPass>()
  /** A partial result that is merged in; made when there is one. */
  #partial: { readonly out: GPUBuffer; readonly lse: GPUBuffer } | null = null

  constructor(
    gpu: WebgpuDevice, shape: RankShape, tileRows: number, forward: ForwardKernels, block: BlockBuffers, backward: Backward | null,
  ) {
    this.device = gpu.name
    this.#gpu = gpu
    this.#shape = shape
    this.#rows = new DeviceRows(shape.headDim)
    this.#tileRows = tileRows
    this.#forward = forward
    this.#block = block
    this.#backward = backward
  }

  async begin(side: QuerySide, spans: SpanSink): Promise<void> {
    const buffers = await this.#sideBuffers(side)
    const startNs = spans.now()
    this.#gpu.upload(buffers.q, this.#rows.toDevice(side.q))
    this.#gpu.clear(buffers.gathered)
    this.#gpu.clear(buffers.stats)
    await this.#gpu.fence()
    this.#passes.set(side.index, 'forward')
    spans.record('h2d', startNs, spans.now(), { bytes: side.q.byteLength })
  }

  async attend(work: BlockWork, spans: SpanSink): Promise<void> {
    const { q, gathered, stats } = this.#underWay(work.side, 'forward')
    if (!await this.#takeBlock(work, spans)) return
    await this.#compute([{ kernel: this.#forward.attend, buffers: { ...this.#block, q, gathered, stats } }], work.flops, spans)
  }

  async merge(side: QuerySide, partial: QuerySide, spans: SpanSink): Promise<void> {
    const { gathered, stats } = this.#underWay(side, 'forward')
    const exponents = partialExponents(partial.lse)
    this.#partial ??= {
      out: await this.#gpu.buffer('a partial output', 4 * this.#rows.deviceFloats(side.out.length)),
      lse: await this.#gpu.buffer('a partial log-sum-exp', side.lse.byteLength),
    }
    const { out, lse } = this.#partial
    const startNs = spans.now()
    this.#gpu.upload(out, this.#rows.toDevice(partial.out))
    this.#gpu.upload(lse, exponents)
    await this.#gpu.fence()
    const takenNs = spans.now()
    spans.record('h2d', startNs, takenNs, { bytes: partial.out.byteLength + partial.lse.byteLength })
    await this.#gpu.run([{ kernel: this.#forward.merge, buffers: { gathered, stats, partial: out, partialLse: lse } }])
    spans.record('merge', takenNs, spans.now())
  }

  async finish(side: QuerySide, spans: SpanSink): Promise<void> {
    const { gathered, stats } = this.#underWay(side, 'forward')
    const startNs = spans.now()
    await this.#gpu.run([{ kernel: this.#forward.normalize, buffers: { gathered, stats } }])
    const normalizedNs = spans.now()
    spans.record('merge', startNs, normalizedNs)
    await this.#download(gathered, side.out, 'set')
    await this.#gpu.download(stats, 2 * side.lse.length, (values, from) => { writeLogSumExps(values, from, side.lse) })
    this.#passes.delete(side.index)
    spans.record('d2h', normalizedNs, spans.now(), { bytes: side.out.byteLength + 2 * side.lse.byteLength })
  }

  async beginBackward(side: QuerySide, spans: SpanSink): Promise<void> {
    const { q, dOut, gathered, stats } = withBackward(await this.#sideBuffers(side))
    const startNs = spans.now()
    side.dq.fill(0)
    if (side.index === 0) writeDelta(side)
    const readyNs = spans.now()
    spans.record('merge', startNs, readyNs)
    this.#gpu.upload(q, this.#rows.toDevice(side.q))
    this.#gpu.upload(dOut, this.#rows.toDevice(side.dOut))
    this.#gpu.upload(stats, backwardStatistics(side))
    this.#gpu.clear(gathered)
    await this.#gpu.fence()
    this.#passes.set(side.index, 'backward')
    spans.record('h2d', readyNs, spans.now(), { bytes: side.q.byteLength + side.dOut.byteLength + 2 * side.lse.byteLength })
  }

  async attendBackward(work: GradientWork, spans: SpanSink): Promise<void> {
    const { side, gradient, fresh, flops } = work
    const { q, dOut, gathered, stats } = withBackward(this.#underWay(side, 'backward'))
    const { kernels, dk, dv } = this.#ownBackward()
    if (!await this.#takeBlock(work, spans)) {
      if (!fresh) return
      gradient.dk.fill(0)
      gradient.dv.fill(0)
      return
    }
    const buffers = { ...this.#block, q, dOut, gathered, stats, dk, dv }
    await this.#compute([{ kernel: kernels.queries, buffers }, { kernel: kernels.keys, buffers }], flops, spans)
    const startNs = spans.now()
    await this.#download(dk, gradient.dk, fresh ? 'set' : 'add')
    await this.#download(dv, gradient.dv, fresh ? 'set' : 'add')
    spans.record('d2h', startNs, spans.now(), { bytes: gradient.dk.byteLength + gradient.dv.byteLength })
  }

  async finishBackward(side: QuerySide, spans: SpanSink): Promise<void> {
    const { gathered } = this.#underWay(side, 'backward')
    const startNs = spans.now()
    await this.#download(gathered, side.dq, 'add')
    this.#passes.delete(side.index)
    spans.record('d2h', startNs, spans.now(), { bytes: side.dq.byteLength })
  }

  async dispose(): Promise<void> {
    await this.#gpu.destroy()
  }

  /** Uploads the block's keys, values and ranges. @returns false, and uploads nothing, where the block has no pairs */
  async #takeBlock({ slot, ranges }: BlockWork, spans: SpanSink): Promise<boolean> {
    checkRanges(ranges, this.#shape)
    const startNs = spans.now()
    const { packed, empty } = packIntervals(ranges, this.#shape, this.#tileRows)
    if (empty) return false
    const { k, v, ranges: rangeBuffer, params } = this.#block
    this.#gpu.upload(k, this.#rows.toDevice(slot.k))
    this.#gpu.upload(v, this.#rows.toDevice(slot.v))
    this.#gpu.upload(rangeBuffer, packed)
    this.#gpu.upload(params, Uint32Array.of(ranges.length === 1 ? 0 : 1, 0, 0, 0))
    await this.#gpu.fence()
    spans.record('h2d', startNs, spans.now(), { bytes: slot.k.byteLength + slot.v.byteLength + packed.byteLength })
    return true
  }

  /**
   * Runs kernels and records them. Where the device has a clock, the span is as long as it says and ends when the host
   * learnt that they were over: starting them, which is no arithmetic, then lies before the span. Else it is host time.
   */
  async #compute(launches: readonly Launch[], flops: number, spans: SpanSink): Promise<void> {
    const startNs = spans.now()
    const deviceNs = await this.#gpu.run(launches)
    const endNs = spans.now()
    spans.record('compute', deviceNs === null ? startNs : Math.max(startNs, endNs - deviceNs), endNs, { flops })
  }

  async #download(buffer: GPUBuffer, tensor: Float32Array, how: 'set' | 'add'): Promise<void> {
    await this.#gpu.download(buffer, this.#rows.deviceFloats(tensor.length),
      (part, from) => { this.#rows.fromDevice(part, from, tensor, how) })
  }

  async #sideBuffers(side: QuerySide): Promise<SideBuffers> {
    const known = this.#sides.get(side.index)
    if (known !== undefined) return known
    const bytes = 4 * this.#rows.deviceFloats(side.q.length)
    const made: SideBuffers = {
      q: await this.#gpu.buffer('the queries of a rank', bytes),
      gathered: await this.#gpu.buffer('the output of a rank', bytes),
      stats: await this.#gpu.buffer('the row statistics of a rank', 2 * side.lse.byteLength),
      dOut: this.#backward === null ? null : await this.#gpu.buffer('the output gradient of a rank', bytes),
    }
    this.#sides.set(side.index, made)
    return made
  }

  #underWay({ index }: QuerySide, pass: StepPass): SideBuffers {
    const buffers = this.#sides.get(index)
    if (buffers === undefined || this.#passes.get(index) !== pass) throw new RangeError(`side ${index} has no ${pass} pass under way`)
    return buffers
  }

  #ownBackward(): Backward {
    if (this.#backward === null) throw new RangeError('this backend was made without a backward pass')
    return this.#backward
  }
}

type BackwardSide = SideBuffers & { readonly dOut: GPUBuffer }

function withBackward(buffers: SideBuffers): BackwardSide {
  if (buffers.dOut === null) throw new RangeError('this backend was made without a backward pass')
  return { ...buffers, dOut: buffers.dOut }
}

function checkRanges(ranges: readonly KeyRanges[], { batch, tokens }: RankShape): void {
  if (ranges.length !== 1 && ranges.length !== batch) throw new RangeError(`key ranges for ${ranges.length} batch items, expected 1 or ${batch}`)
  for (const { from, to } of ranges) {
    if (from.length !== tokens || to.length !== tokens) throw new RangeError(`key ranges for ${from.length} and ${to.length} rows, expected ${tokens}`)
  }
}

/**
 * The fused WGSL kernels on the best adapter that Dawn finds. Call only in a process that may crash.
 * `blockQ` bounds the rows of a query tile, `blockK` those of a key tile of dK and dV: 64, 32 or 16, as the adapter's
 * workgroup memory allows; the other side of a tile has 64.
 * @throws BackendUnavailableError where there is no adapter, or what the rank holds does not fit it
 */
export async function createWebgpuBackend({ shape, arena }: BackendSetup): Promise<AttentionBackend> {
  const gpu = await WebgpuDevice.open()
  try {
    return await makeBackend(gpu, shape, arena.dkv.length > 0)
  } catch (error) {
    await gpu.destroy()
    throw error
  }
}

async function makeBackend(gpu: WebgpuDevice, shape: RankShape, backward: boolean): Promise<AttentionBackend> {
  const tilingOf = (rows: number, accumulated: number, exchanged: boolean): Tiling => {
    const tiling = chooseTiling(shape, rows, accumulated, exchanged, gpu.workgroupBytes)
    if (tiling !== null) return tiling
    throw new BackendUnavailableError(WEBGPU_ID,
      `${gpu.name} has ${gpu.workgroupBytes} B of workgroup memory, too little for headDim ${shape.headDim}`)
  }
  const queryTiling = tilingOf(shape.blockQ, 1, true)
  const [attend, normalize, merge] = await Promise.all(
    [forwardKernel(shape, queryTiling), normalizeKernel(shape), mergeKernel(shape)].map((source) => gpu.compile(source)))

  const keyBytes = 4 * new DeviceRows(shape.headDim).deviceFloats(shape.batch * shape.kvHeads * shape.tokens * shape.headDim)
  const none = packIntervals([], shape, queryTiling.rows)
  const block: BlockBuffers = {
    k: await gpu.buffer('the keys of a block', keyBytes), v: await gpu.buffer('the values of a block', keyBytes),
    ranges: await gpu.buffer('the key ranges of a block', none.packed.byteLength), params: gpu.uniforms(),
  }
  if (!backward) return new WebgpuBackend(gpu, shape, queryTiling.rows, { attend, normalize, merge }, block, null)

  const [queries, keys] = await Promise.all([
    queryGradientKernel(shape, queryTiling), keyGradientKernel(shape, tilingOf(shape.blockK, 2, false), queryTiling.rows),
  ].map((source) => gpu.compile(source)))
  return new WebgpuBackend(gpu, shape, queryTiling.rows, { attend, normalize, merge }, block, {
    kernels: { queries, keys },
    dk: await gpu.buffer('the key gradient of a block', keyBytes), dv: await gpu.buffer('the value gradient of a block', keyBytes),
  })
}
