import { freemem } from 'node:os'
import { loadKernel, type KernelExports } from '../backends/wasm/kernelModule.ts'
import { levelBuffers, type LevelBuffer } from './buffers.ts'
import type { MeasuredRoofline, RatesRequest } from './protocol.ts'

/** Every figure is the median of this many samples, each about as long as SAMPLE_NS; what is longer is sampled less often. */
const SAMPLES = 9
const SAMPLE_NS = 15e6
const FEW_SAMPLES = 3

const PAGE_BYTES = 65_536
/** Numbers that the loops start from, and the page in front of the buffers that they lie in. */
const SCRATCH_BYTES = PAGE_BYTES
const FACTORS_AT = 0
const SUM_AT = 256
const EXP_SCRATCH_AT = 512
const RANGES_AT = 768
/** A strip reads the ranges of eight rows at once. */
const RANGE_ENTRIES = 16
const EXPONENTS_AT = 1024
/** 8 KiB: within every first-level cache. */
const EXPONENTS = 2048
/** Of `multiplyAdds`: 12 chains of 4 lanes, two operations each. */
const OPERATIONS_PER_ROUND = 96
const CALLS_AT_ONCE = 1000

const nowNs = (): number => Number(process.hrtime.bigint())
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/**
 * Median time of one unit of work in ns, after a warm-up that also finds out how many units fill a sample.
 * @param run does a number of units.
 */
function unitNs(run: (units: number) => void): number {
  let units = 1
  let takenNs = 0
  for (;;) {
    const startNs = nowNs()
    run(units)
    takenNs = nowNs() - startNs
    if (takenNs >= SAMPLE_NS / 4) break
    units *= 2
  }
  const perSample = Math.max(1, Math.round(units * SAMPLE_NS / takenNs))
  const samples = Array.from({ length: takenNs > 4 * SAMPLE_NS ? FEW_SAMPLES : SAMPLES }, () => {
    const startNs = nowNs()
    run(perSample)
    return (nowNs() - startNs) / perSample
  })
  return median(samples)
}

/** The buffers share their memory: they are measured one after the other. */
function makeMemory(buffers: readonly LevelBuffer[]): WebAssembly.Memory {
  const pages = Math.ceil(Math.max(SCRATCH_BYTES + EXPONENTS * 4, ...buffers.map(({ bytes }) => SCRATCH_BYTES + bytes)) / PAGE_BYTES)
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
}

function peakGflops(kernel: KernelExports, memory: WebAssembly.Memory): number {
  // A factor below 1 and a term: the chains settle, far from infinity and from subnormals.
  new Float32Array(memory.buffer, FACTORS_AT, 8).fill(0.5)
  return OPERATIONS_PER_ROUND / unitNs((rounds) => { kernel.multiplyAdds(rounds, FACTORS_AT) })
}

function bandwidthGBps(kernel: KernelExports, memory: WebAssembly.Memory, bytes: number): number {
  // Pages that were never written are all one page of zeros.
  new Uint8Array(memory.buffer, SCRATCH_BYTES, bytes).fill(1)
  return bytes / unitNs((passes) => { kernel.readAll(SCRATCH_BYTES, bytes, passes, SUM_AT) })
}

/** A call that does nothing: one row that sees no key. An export of its own would be so small that the engine leaves the call out. */
function dispatchNs(kernel: KernelExports, memory: WebAssembly.Memory): number {
  const [rows, headDim] = [1, 4]
  new Int32Array(memory.buffer, RANGES_AT, 2 * RANGE_ENTRIES).fill(0)
  kernel.configure(1, 1, 1, headDim, rows, rows, rows, RANGES_AT, RANGES_AT + RANGE_ENTRIES * 4, EXP_SCRATCH_AT,
    FACTORS_AT, FACTORS_AT, FACTORS_AT, FACTORS_AT, FACTORS_AT, FACTORS_AT, FACTORS_AT, FACTORS_AT)
  return unitNs((thousands) => {
    for (let call = 0; call < thousands * CALLS_AT_ONCE; call++) kernel.attend(0, 0, 0, 0, 0, 0, 0)
  }) / CALLS_AT_ONCE
}

function gexps(kernel: KernelExports, memory: WebAssembly.Memory): number {
  const exponents = new Float32Array(memory.buffer, EXPONENTS_AT, EXPONENTS)
  exponents.forEach((_, at) => { exponents[at] = -20 * at / EXPONENTS })
  return EXPONENTS / unitNs((passes) => { kernel.exponentials(EXPONENTS_AT, EXPONENTS, passes, EXP_SCRATCH_AT) })
}

/**
 * What one core can do at most, by loops of the kernel's own module in the build that this engine takes. About two seconds.
 * @throws BackendUnavailableError where the engine takes no build, KernelMismatchError, RangeError without memory for the buffers.
 */
export async function measureRoofline({ kernelsDir, caches }: RatesRequest): Promise<MeasuredRoofline> {
  const buffers = levelBuffers(caches, freemem())
  const memory = makeMemory(buffers)
  const { kernel, build } = await loadKernel(kernelsDir, memory)
  return {
    build,
    peakGflops: peakGflops(kernel, memory),
    levels: buffers.map(({ level, bytes }) => ({ level, bufferBytes: bytes, gbps: bandwidthGBps(kernel, memory, bytes) })),
    dispatchUs: dispatchNs(kernel, memory) / 1000,
    gexps: gexps(kernel, memory),
  }
}
