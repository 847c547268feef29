import { parseArgs } from 'node:util'
import { loadTfjsWasm } from '../kernels/backends/tfjs/runtimes.ts'
import { KERNEL_BUILDS, loadKernel, type KernelBuild } from '../kernels/backends/wasm/kernelModule.ts'
import {
  fusedCandidate, KERNELS_DIR, largestDifference, microKernelRun, naiveCandidate, tiledCandidate, type Candidate, type Problem,
} from './kernels.candidates.ts'

/**
 * Attention kernels on one thread, in one run, every candidate once a round: the fused kernel against tfjs-wasm, naive
 * and tiled; causal against full; the fused kernel against its own matrix products. Times are
 * CPU time of the one thread that computes, so that the machine's other work does not count; medians over the rounds.
 */
const PROBLEM: Problem = { heads: 2, tokens: 2048, headDim: 64, mask: 'full' }
const CAUSAL_TOKENS = 4096
const TFJS_TILES = [256, 512, 1024, 2048]
/** The default tile of a config first. */
const FUSED_TILES = [[128, 256], [16, 64], [64, 64], [64, 512], [256, 1024]] as const
const WARM_UP_ROUNDS = 1
const ROUNDS = 5
const SAMPLE_MS = 150
const LARGEST_DIFFERENCE = 1e-5

/** Must hold for the build that the backend takes on this engine, or the bench fails. */
const FLOORS = { fusedOverNaive: 15, fusedOverTiled: 1.4 }
/** What the project aims at. */
const TARGETS = { causalOverFull: 0.56, fusedOverMicroKernel: 0.75 }

interface Measured {
  readonly family: Candidate['family']
  readonly tile: Candidate['tile']
  readonly medianMs: number
  readonly bestMs: number
  /** At the median time. */
  readonly gflops: number
}

/** CPU time that this thread has used, in ms. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** CPU time of one call in ms, over as many as outweigh the steps (up to 4 ms) in which Linux counts it. */
async function cpuMsOf(call: () => unknown): Promise<number> {
  const startMs = threadCpuMs()
  let calls = 0
  let elapsedMs = 0
  while (elapsedMs < SAMPLE_MS) {
    await call()
    calls++
    elapsedMs = threadCpuMs() - startMs
  }
  return elapsedMs / calls
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

async function measure(candidates: readonly Candidate[], rounds: number): Promise<Measured[]> {
  const times: number[][] = candidates.map(() => [])
  let expected: Float32Array | null = null
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [at, candidate] of candidates.entries()) {
      if (round >= 0) {
        times[at].push(await cpuMsOf(() => candidate.run()))
        continue
      }
      const out = await candidate.run()
      expected ??= out.slice()
      const difference = largestDifference(expected, out)
      if (!(difference <= LARGEST_DIFFERENCE)) {
        throw new Error(`${label(candidate)} differs from ${label(candidates[0])} by ${difference}`)
      }
    }
  }
  for (const candidate of candidates) await candidate.dispose()
  return candidates.map(({ family, tile, flops }, at) => ({
    family, tile, medianMs: median(times[at]), bestMs: Math.min(...times[at]), gflops: flops / median(times[at]) / 1e6,
  }))
}

const label = ({ family, tile }: Pick<Candidate, 'family' | 'tile'>): string =>
  tile === null ? family : `${family} ${tile.join(' x ')}`

const bestOf = (measured: readonly Measured[], family: Candidate['family']): Measured =>
  measured.filter((entry) => entry.family === family).reduce((best, entry) => entry.medianMs < best.medianMs ? entry : best)

async function compareKernels(): Promise<Measured[]> {
  const runtime = await loadTfjsWasm()
  const candidates = [naiveCandidate(PROBLEM)]
  for (const blockQ of TFJS_TILES) {
    for (const blockK of TFJS_TILES) candidates.push(tiledCandidate(PROBLEM, runtime, blockQ, blockK))
  }
  for (const build of KERNEL_BUILDS) {
    for (const [blockQ, blockK] of FUSED_TILES) candidates.push(await fusedCandidate(PROBLEM, build, blockQ, blockK))
  }
  return measure(candidates, ROUNDS)
}

async function causalOverFull(build: KernelBuild): Promise<number> {
  const times = { full: [] as number[], causal: [] as number[] }
  const [blockQ, blockK] = FUSED_TILES[0]
  const [full, causal] = await Promise.all((['full', 'causal'] as const).map((mask) =>
    fusedCandidate({ ...PROBLEM, tokens: CAUSAL_TOKENS, mask }, build, blockQ, blockK)))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const ofFull = await cpuMsOf(() => full.run())
    const ofCausal = await cpuMsOf(() => causal.run())
    if (round < 0) continue
    times.full.push(ofFull)
    times.causal.push(ofCausal)
  }
  return median(times.causal) / median(times.full)
}

async function microKernelGflops(build: KernelBuild): Promise<number> {
  const { flops, run } = await microKernelRun(build, PROBLEM.headDim)
  const times: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const callMs = await cpuMsOf(run)
    if (round >= 0) times.push(callMs)
  }
  return flops / median(times) / 1e6
}

const row = (...cells: readonly (string | number)[]): string =>
  `${cells.map((cell, at) => at === 0 ? String(cell).padEnd(32) : String(cell).padStart(13)).join('')}\n`

const verdict = (value: number, holds: boolean, kind: 'floor' | 'target' | 'reference', bound: string): string =>
  `${value.toFixed(kind === 'target' ? 3 : 2)} (${kind} ${bound}: ${holds ? 'met' : 'missed'})`

/** @returns whether JSON was asked for, or null after saying what is wrong with the arguments. */
function parseOptions(): boolean | null {
  try {
    return parseArgs({ options: { json: { type: 'boolean', default: false } } }).values.json
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nusage: npm run bench -- kernels [--json]\n`)
    return null
  }
}

async function main(): Promise<number> {
  const json = parseOptions()
  if (json === null) return 2
  const measured = await compareKernels()
  const naive = bestOf(measured, 'naive tfjs-wasm')
  const tiled = bestOf(measured, 'tiled tfjs-wasm')
  const builds = []
  for (const build of KERNEL_BUILDS) {
    const fused = bestOf(measured, `fused ${build}`)
    const standard = measured.find(({ family, tile }) => family === `fused ${build}` && tile?.join() === FUSED_TILES[0].join())
    if (standard === undefined) throw new Error('the default tile was not measured')
    const microKernel = await microKernelGflops(build)
    builds.push({
      build, gflops: standard.gflops, bestTileGflops: fused.gflops, bestTile: fused.tile,
      fusedOverNaive: naive.medianMs / standard.medianMs, fusedOverTiled: tiled.medianMs / standard.medianMs,
      microKernelGflops: microKernel, fusedOverMicroKernel: standard.gflops / microKernel,
      causalOverFull: await causalOverFull(build),
    })
  }
  const { build: chosen } = await loadKernel(KERNELS_DIR, new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }))
  const holds = builds.filter(({ build }) => build === chosen).every((entry) =>
    entry.fusedOverNaive >= FLOORS.fusedOverNaive && entry.fusedOverTiled >= FLOORS.fusedOverTiled)
  if (json) {
    process.stdout.write(`${JSON.stringify({
      problem: PROBLEM, node: process.version, rounds: ROUNDS, measured, builds, chosenBuild: chosen, floors: FLOORS, targets: TARGETS, holds,
    }, null, 2)}\n`)
    return holds ? 0 : 1
  }
  process.stdout.write(`forward attention, heads ${PROBLEM.heads}, tokens ${PROBLEM.tokens}, headDim ${PROBLEM.headDim}, ` +
    `full mask, Node ${process.version}, CPU time of one thread over ${ROUNDS} interleaved rounds\n\n`)
  process.stdout.write(row('kernel', 'median ms', 'best ms', 'GFLOP/s'))
  for (const entry of measured) {
    process.stdout.write(row(label(entry), entry.medianMs.toFixed(1), entry.bestMs.toFixed(1), entry.gflops.toFixed(1)))
  }
  process.stdout.write(`\nbest tiled tfjs-wasm: ${tiled.gflops.toFixed(1)} GFLOP/s at ${tiled.tile?.join(' x ')}\n`)
  for (const entry of builds) {
    const [kind, note] = entry.build === chosen ? ['floor', 'the build in use here'] as const : ['reference', 'not in use here'] as const
    process.stdout.write(`\nfused ${entry.build} (${note}), default tile: ${entry.gflops.toFixed(1)} GFLOP/s ` +
      `(best tile: ${entry.bestTileGflops.toFixed(1)} at ${entry.bestTile?.join(' x ')})\n` +
      `  over naive tfjs-wasm       ${verdict(entry.fusedOverNaive, entry.fusedOverNaive >= FLOORS.fusedOverNaive, kind, `>= ${FLOORS.fusedOverNaive}`)}\n` +
      `  over best tiled tfjs-wasm  ${verdict(entry.fusedOverTiled, entry.fusedOverTiled >= FLOORS.fusedOverTiled, kind, `>= ${FLOORS.fusedOverTiled}`)}\n` +
      `  of its matrix products     ${verdict(entry.fusedOverMicroKernel, entry.fusedOverMicroKernel >= TARGETS.fusedOverMicroKernel, 'target', `>= ${TARGETS.fusedOverMicroKernel}`)}` +
      `, which alone reach ${entry.microKernelGflops.toFixed(1)} GFLOP/s\n` +
      `  causal over full, ${CAUSAL_TOKENS} tokens ${verdict(entry.causalOverFull, entry.causalOverFull <= TARGETS.causalOverFull, 'target', `<= ${TARGETS.causalOverFull}`)}\n`)
  }
  return holds ? 0 : 1
}

process.exitCode = await main()
