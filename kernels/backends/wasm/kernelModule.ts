import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BackendUnavailableError } from '../backend.ts'

/** The two compilations of kernels/assembly, best first. */
export const KERNEL_BUILDS = ['relaxed', 'simd'] as const
export type KernelBuild = (typeof KERNEL_BUILDS)[number]

type Address = number

/** What kernels/assembly/attention.ts exports, as far as the host calls it. Addresses are byte offsets into the imported memory. */
export interface KernelExports {
  configure(
    batch: number, heads: number, kvHeads: number, headDim: number, tokens: number, blockQ: number, blockK: number,
    rangeFrom: Address, rangeTo: Address, expTable: Address, queryStrips: Address, outputStrips: Address,
    referenceStrips: Address, sumStrips: Address, boundStrips: Address, bias: Address, rescale: Address, scores: Address): void
  begin(output: Address, rowReference: Address, rowSum: Address): void
  /** @param rangeStep 0 where all batch items share their key ranges, else the number of rows of an item */
  attend(
    queries: Address, output: Address, rowReference: Address, rowSum: Address, keys: Address, values: Address, rangeStep: number): void
  merge(output: Address, rowReference: Address, rowSum: Address, partialOut: Address, partialLse: Address): void
  normalize(output: Address, rowSum: Address): void
  configureBackward(
    gradStrips: Address, queryPanels: Address, gradPanels: Address, weights: Address, weightGrads: Address, pairBytes: number,
    spans: Address, edge: Address): void
  rowDots(output: Address, outputGrads: Address, lse: Address, delta: Address): void
  attendBackward(
    queries: Address, outputGrads: Address, lse: Address, delta: Address, queryGrads: Address, keys: Address, values: Address,
    keyGrads: Address, valueGrads: Address, rangeStep: number): void
  /** The micro-kernels, and multiply-adds between registers alone: for the bench. */
  scoreStrip(bias: Address, queries: Address, keys: Address, count: number, headDim: number, scores: Address): void
  foldStrip(weights: Address, values: Address, count: number, headDim: number, output: Address): void
  gradientTile(
    weights: Address, weightBytes: number, strips: number, spans: Address, panels: Address, panelBytes: number,
    count: number, headDim: number, target: Address, edge: Address): void
  multiplyAdds(rounds: number, at: Address): void
  /** What the machine can do at most: loads, exponentials. */
  readAll(from: Address, bytes: number, passes: number, sum: Address): void
  exponentials(from: Address, floats: number, passes: number, scratch: Address): void
}

const EXPORT_NAMES: readonly (keyof KernelExports)[] = [
  'configure', 'begin', 'attend', 'merge', 'normalize', 'configureBackward', 'rowDots', 'attendBackward',
  'scoreStrip', 'foldStrip', 'gradientTile', 'multiplyAdds', 'readAll', 'exponentials',
]

export interface LoadedKernel {
  readonly build: KernelBuild
  readonly kernel: KernelExports
}

/** A compiled kernel that does not export what this version calls: it was built from other sources. */
export class KernelMismatchError extends Error {
  override readonly name = 'KernelMismatchError'
  readonly file: string
  constructor(file: string, missing: readonly string[]) {
    super(`${file} does not export ${missing.join(', ')}: it was built from other sources, build the kernels again`)
    this.file = file
  }
}

function checkedExports(file: string, exports: Readonly<Record<string, unknown>>): KernelExports {
  const missing = EXPORT_NAMES.filter((name) => typeof exports[name] !== 'function')
  if (missing.length > 0) throw new KernelMismatchError(file, missing)
  return exports as unknown as KernelExports
}

async function readKernel(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(file))
  } catch (error) {
    throw new BackendUnavailableError('wasm', `cannot read the compiled kernel ${file}; "npm run build" makes it`, { cause: error })
  }
}

/**
 * Instantiates the first of `builds` that this engine accepts. Relaxed SIMD is in V8 from Node 22 on; elsewhere its
 * module does not validate and the plain one is taken.
 * @throws BackendUnavailableError when a file is missing or no build is accepted; KernelMismatchError
 */
export async function loadKernel(
  kernelsDir: string, memory: WebAssembly.Memory, builds: readonly KernelBuild[] = KERNEL_BUILDS,
): Promise<LoadedKernel> {
  for (const build of builds) {
    const file = join(kernelsDir, `attention.${build}.wasm`)
    const code = await readKernel(file)
    if (!WebAssembly.validate(code)) continue
    const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } })
    return { build, kernel: checkedExports(file, instance.exports) }
  }
  throw new BackendUnavailableError('wasm', `this JavaScript engine accepts none of the kernel builds (${builds.join(', ')}): ` +
    'it needs WebAssembly SIMD and threads (Node 20 or later)')
}
