import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { AttentionBackend, BackendSetup, BlockWork, GradientWork, KvSlot, QuerySide, SpanSink } from '../backend.ts'
import { threadCpuNs } from '../threadCpu.ts'
import { KERNEL_BUILDS, loadKernel, type KernelBuild, type KernelExports } from './kernelModule.ts'
import { scratchLayout, type ScratchLayout, type SideLayout } from './layout.ts'

export { wasmScratchBytes } from './layout.ts'

const DEVICE: Readonly<Record<KernelBuild, string>> = {
  relaxed: 'wasm relaxed-SIMD, 1 thread',
  simd: 'wasm SIMD, 1 thread',
}

/** A buffer that the kernel cannot see or that has the wrong size: a mistake of the caller. */
export class KernelBufferError extends Error {
  override readonly name = 'KernelBufferError'
}

/**
 * The fused kernel: scores, online softmax and output of one tile at a time, or the five products of its gradient, on the arena
 * where it lies. Between `begin` and `finish`, `side.out` holds the unnormalised output.
 * @param builds which compilations to consider, best first
 * @throws BackendUnavailableError when the compiled kernel is missing or not accepted here
 */
export async function createWasmBackend(
  setup: BackendSetup, builds: readonly KernelBuild[] = KERNEL_BUILDS,
): Promise<AttentionBackend> {
  const { arena, kernelsDir } = setup
  const layout = scratchLayout({ ...arena.spec, shape: setup.shape })
  const available = arena.memory.buffer.byteLength - arena.scratchByteOffset
  if (layout.bytes > available) {
    throw new KernelBufferError(`the arena has ${available} B of scratch, the kernel needs ${layout.bytes} B: ` +
      'lay it out with wasmScratchBytes()')
  }
  const { build, kernel } = await loadKernel(kernelsDir, arena.memory, builds)
  return new WasmBackend(setup, layout, build, kernel)
}

class WasmBackend implements AttentionBackend {
  readonly id = 'wasm'
  readonly device: string
  readonly computes = true
  readonly #setup: BackendSetup
  readonly #layout: ScratchLayout
  readonly #kernel: KernelExports

  constructor(setup: BackendSetup, layout: ScratchLayout, build: KernelBuild, kernel: KernelExports) {
    this.#setup = setup
    this.#layout = layout
    this.#kernel = kernel
    this.device = DEVICE[build]
    const { batch, heads, kvHeads, headDim, tokens, blockQ, blockK } = setup.shape
    const at = (offset: number): number => this.#at(offset)
    kernel.configure(
      batch, heads, kvHeads, headDim, tokens, blockQ, blockK, at(layout.rangeFrom), at(layout.rangeTo), at(layout.expTable),
      at(layout.queryStrips), at(layout.outputStrips), at(layout.referenceStrips), at(layout.sumStrips),
      at(layout.boundStrips), at(layout.bias), at(layout.rescale), at(layout.scores))
    const { backward } = layout
    if (backward === null) return
    kernel.configureBackward(
      at(backward.gradStrips), at(backward.queryPanels), at(backward.gradPanels), at(backward.weights), at(backward.weightGrads),
      backward.pairBytes, at(backward.spans), at(backward.edge))
  }

  async begin(side: QuerySide): Promise<void> {
    const { rowReference, rowSum } = this.#accumulators(side)
    this.#kernel.begin(side.out.byteOffset, this.#at(rowReference), this.#at(rowSum))
  }

  async attend(work: BlockWork, spans: SpanSink): Promise<void> {
    const { side, slot } = work
    const { rowReference, rowSum } = this.#accumulators(side)
    this.#checkSlot(slot)
    this.#checkRanges(work.ranges)
    this.#compute(work, spans, () => {
      const rangeStep = this.#takeRanges(work.ranges)
      this.#kernel.attend(
        side.q.byteOffset, side.out.byteOffset, this.#at(rowReference), this.#at(rowSum), slot.k.byteOffset, slot.v.byteOffset, rangeStep)
    })
  }

  async merge(side: QuerySide, partial: QuerySide, spans: SpanSink): Promise<void> {
    const { rowReference, rowSum } = this.#accumulators(side)
    this.#checkSide(partial)
    const startNs = spans.now()
    this.#kernel.merge(
      side.out.byteOffset, this.#at(rowReference), this.#at(rowSum), partial.out.byteOffset, partial.lse.byteOffset)
    spans.record('merge', startNs, spans.now())
  }

  async finish(side: QuerySide, spans: SpanSink): Promise<void> {
    const accumulators = this.#accumulators(side)
    const startNs = spans.now()
    this.#kernel.normalize(side.out.byteOffset, this.#at(accumulators.rowSum))
    const { buffer } = this.#setup.arena.memory
    const rowReference = new Float32Array(buffer, this.#at(accumulators.rowReference), side.lse.length)
    const rowSum = new Float32Array(buffer, this.#at(accumulators.rowSum), side.lse.length)
    // lse = ln(Σ e^s) = ln 2 * m + ln l, with m in powers of two.
    for (let row = 0; row < side.lse.length; row++) {
      side.lse[row] = rowSum[row] === 0 ? -Infinity : rowReference[row] * Math.LN2 + Math.log(rowSum[row])
    }
    spans.record('merge', startNs, spans.now())
  }

  async beginBackward(side: QuerySide, spans: SpanSink): Promise<void> {
    this.#checkGradients(side)
    const startNs = spans.now()
    side.dq.fill(0)
    if (side.index === 0) {
      this.#kernel.rowDots(side.out.byteOffset, side.dOut.byteOffset, side.lse.byteOffset, side.delta.byteOffset)
    }
    spans.record('merge', startNs, spans.now())
  }

  async attendBackward(work: GradientWork, spans: SpanSink): Promise<void> {
    const { side, slot, gradient, fresh } = work
    this.#checkGradients(side)
    this.#checkSlot(slot)
    this.#checkSlot({ k: gradient.dk, v: gradient.dv })
    this.#checkRanges(work.ranges)
    this.#compute(work, spans, () => {
      if (fresh) {
        gradient.dk.fill(0)
        gradient.dv.fill(0)
      }
      const rangeStep = this.#takeRanges(work.ranges)
      this.#kernel.attendBackward(
        side.q.byteOffset, side.dOut.byteOffset, side.lse.byteOffset, side.delta.byteOffset, side.dq.byteOffset,
        slot.k.byteOffset, slot.v.byteOffset, gradient.dk.byteOffset, gradient.dv.byteOffset, rangeStep)
    })
  }

  async finishBackward(): Promise<void> {
    // dQ is gathered where it belongs.
  }

  async dispose(): Promise<void> {
    // Nothing is held beyond the arena, which belongs to the caller.
  }

  #at(offset: number): number {
    return this.#setup.arena.scratchByteOffset + offset
  }

  #compute(work: BlockWork, spans: SpanSink, run: () => void): void {
    const startNs = spans.now()
    const startCpuNs = threadCpuNs()
    run()
    const endCpuNs = threadCpuNs()
    const cpuNs = startCpuNs === undefined || endCpuNs === undefined ? undefined : endCpuNs - startCpuNs
    spans.record('compute', startNs, spans.now(), { flops: work.flops, cpuNs })
  }

  #accumulators(side: QuerySide): SideLayout {
    this.#checkSide(side)
    return this.#layout.sides[side.index]
  }

  #checkSide(side: QuerySide): void {
    if (this.#setup.arena.sides.at(side.index)?.q !== side.q) throw new KernelBufferError('the queries are not a side of the arena')
  }

  #checkGradients(side: QuerySide): void {
    this.#checkSide(side)
    if (this.#layout.backward === null) throw new KernelBufferError('the arena was laid out without a backward pass')
  }

  #checkSlot({ k, v }: Pick<KvSlot, 'k' | 'v'>): void {
    const { buffer } = this.#setup.arena.memory
    if (k.buffer !== buffer || v.buffer !== buffer) throw new KernelBufferError('the block does not lie in the arena\'s memory')
  }

  #checkRanges(ranges: readonly KeyRanges[]): void {
    const { batch, tokens } = this.#setup.shape
    if (ranges.length !== 1 && ranges.length !== batch) {
      throw new KernelBufferError(`key ranges of ${ranges.length} batch items, expected 1 or ${batch}`)
    }
    for (const { from, to } of ranges) {
      if (from.length !== tokens || to.length !== tokens) {
        throw new KernelBufferError(`key ranges for ${from.length} and ${to.length} rows, expected ${tokens}`)
      }
    }
  }

  /** Hands the ranges to the kernel. @returns from one batch item's first range to the next one's, in rows */
  #takeRanges(ranges: readonly KeyRanges[]): number {
    const { buffer } = this.#setup.arena.memory
    const { batch, tokens } = this.#setup.shape
    const rangeFrom = new Int32Array(buffer, this.#at(this.#layout.rangeFrom), batch * tokens)
    const rangeTo = new Int32Array(buffer, this.#at(this.#layout.rangeTo), batch * tokens)
    ranges.forEach(({ from, to }, item) => {
      rangeFrom.set(from, item * tokens)
      rangeTo.set(to, item * tokens)
    })
    return ranges.length === 1 ? 0 : tokens
  }
}
