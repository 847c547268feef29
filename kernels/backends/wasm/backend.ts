import type { AttentionBackend, BackendSetup, BlockWork, SpanSink } from '../backend.ts'
import { KERNEL_BUILDS, loadKernel, type KernelBuild } from './kernelModule.ts'
import { scratchLayout } from './layout.ts'

export { wasmScratchBytes } from './layout.ts'

const DEVICE: Readonly<Record<KernelBuild, string>> = {
  relaxed: 'wasm relaxed-SIMD, 1 thread',
  simd: 'wasm SIMD, 1 thread',
}

/** A buffer that the kernel cannot see or that has the wrong size: a mistake of the caller. */
export class KernelBufferError extends Error {
  override readonly name = 'KernelBufferError'
}

/** CPU time of this thread in ns, where the engine tells (Node 24). Linux counts it in steps of up to 4 ms. */
function threadCpuNs(): number | undefined {
  if (typeof process.threadCpuUsage !== 'function') return undefined
  const { user, system } = process.threadCpuUsage()
  return (user + system) * 1000
}

/**
 * The fused kernel: scores, online softmax and output of one tile at a time, on the arena where it lies. Between
 * `begin` and `finish`, `arena.out` holds the unnormalised output.
 * @param builds which compilations to consider, best first
 * @throws BackendUnavailableError when the compiled kernel is missing or not accepted here
 */
export async function createWasmBackend(
  setup: BackendSetup, builds: readonly KernelBuild[] = KERNEL_BUILDS,
): Promise<AttentionBackend> {
  const { shape, arena, kernelsDir } = setup
  const { memory, q, out, lse, scratchByteOffset } = arena
  const layout = scratchLayout(shape)
  if (scratchByteOffset + layout.bytes > memory.buffer.byteLength) {
    throw new KernelBufferError(`the arena has ${memory.buffer.byteLength - scratchByteOffset} B of scratch, ` +
      `the kernel needs ${layout.bytes} B: lay it out with wasmScratchBytes()`)
  }
  const { build, kernel } = await loadKernel(kernelsDir, memory, builds)

  const at = (offset: number): number => scratchByteOffset + offset
  const rows = shape.batch * shape.heads * shape.tokens
  const rowMaximum = new Float32Array(memory.buffer, at(layout.rowMaximum), rows)
  const rowSum = new Float32Array(memory.buffer, at(layout.rowSum), rows)
  const rangeFrom = new Int32Array(memory.buffer, at(layout.rangeFrom), shape.tokens)
  const rangeTo = new Int32Array(memory.buffer, at(layout.rangeTo), shape.tokens)
  kernel.configure(
    shape.batch, shape.heads, shape.kvHeads, shape.headDim, shape.tokens, shape.blockQ, shape.blockK,
    q.byteOffset, out.byteOffset, at(layout.rowMaximum), at(layout.rowSum), at(layout.rangeFrom), at(layout.rangeTo),
    at(layout.queryStrips), at(layout.outputStrips), at(layout.maximumStrips), at(layout.sumStrips),
    at(layout.rescale), at(layout.scores), at(layout.expTable))

  function attendBlock({ slot, ranges }: BlockWork): void {
    if (slot.k.buffer !== memory.buffer || slot.v.buffer !== memory.buffer) {
      throw new KernelBufferError('the K/V slot does not lie in the arena\'s memory')
    }
    rangeFrom.set(ranges.from)
    rangeTo.set(ranges.to)
    kernel.attend(slot.k.byteOffset, slot.v.byteOffset)
  }

  return {
    id: 'wasm',
    device: DEVICE[build],
    computes: true,
    async begin() {
      kernel.begin()
    },
    async attend(work: BlockWork, spans: SpanSink) {
      const { from, to } = work.ranges
      if (from.length !== shape.tokens || to.length !== shape.tokens) {
        throw new KernelBufferError(`key ranges for ${from.length} and ${to.length} rows, expected ${shape.tokens}`)
      }
      const startNs = spans.now()
      const startCpuNs = threadCpuNs()
      attendBlock(work)
      const endCpuNs = threadCpuNs()
      const cpuNs = startCpuNs === undefined || endCpuNs === undefined ? undefined : endCpuNs - startCpuNs
      spans.record('compute', startNs, spans.now(), { flops: work.flops, cpuNs })
    },
    async finish(spans: SpanSink) {
      const startNs = spans.now()
      kernel.normalize()
      // lse = ln(Σ e^s) = ln 2 * m + ln l, with m in powers of two.
      for (let row = 0; row < rows; row++) {
        lse[row] = rowSum[row] === 0 ? -Infinity : rowMaximum[row] * Math.LN2 + Math.log(rowSum[row])
      }
      spans.record('merge', startNs, spans.now())
    },
    async dispose() {
      // Nothing is held beyond the arena, which belongs to the caller.
    },
  }
}
