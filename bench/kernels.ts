import { parseArgs } from 'node:util'
import { BackendUnavailableError, type ConcreteBackendId } from '../kernels/backends/backend.ts'
import { loadTfjsWasm } from '../kernels/backends/tfjs/runtimes.ts'
import { toleranceOf } from '../kernels/backends/tolerance.ts'
import { KERNEL_BUILDS, loadKernel, type KernelBuild } from '../kernels/backends/wasm/kernelModule.ts'
import {
  type Attention, backendAttention, fusedAttention, fusedLargeScores, KERNELS_DIR, largestDifference, microKernelCandidates, naiveAttention, type Pass, PASSES,
  peakCandidate, type Problem, type Tile,
} from './kernels.candidates.ts'
import { measure, type Measured, rateRatio, threadCpuMs, timeRatio, wallMs } from './kernels.measure.ts'

/**
 * Attention kernels on one thread, forward and backward, in one run: what the machine's multiply-adds can do, the bare matrix
 * products of the fused kernel, the fused kernel, the generic tfjs kernel, attention in tfjs as it is written down; causal against
 * full. All of these run once a round, and ratios are medians over the rounds. Times are CPU time of the one thread that
 * computes. Then the other backends, each by itself; those that compute elsewhere by the wall clock.
 */
const HEAD_DIMS = [64, 128] as const
const HEADS = 2
const TOKENS = 2048
const CAUSAL_TOKENS = 4096
const ROUNDS = 5
/** The default of a config. */
const FUSED_TILE: Tile = [128, 256]
const TFJS_TILES: readonly Tile[] = [[512, 512], [1024, 1024]]
/** Enough for a slow backend; one that does this in a few milliseconds gets as many tokens as the rest. */
const FEW_TOKENS = 256
const SHORT_MS = 20
const OTHER_BACKENDS: readonly { readonly id: ConcreteBackendId; readonly tile: Tile; readonly clock: 'CPU' | 'wall' }[] = [
  { id: 'tfjs-cpu', tile: [128, 256], clock: 'CPU' },
  { id: 'tensorflow', tile: [1024, 1024], clock: 'wall' },
  { id: 'webgpu', tile: FUSED_TILE, clock: 'wall' },
]

/** Must hold for the build that the backend takes on this engine, or the bench fails. */
const FLOORS = { forwardOverMicro: 0.75, backwardOverMicro: 0.6, forwardOverNaive: 20, forwardOverTiled: 1.4, relaxedOverPlain: 1.2, causalOverFull: 0.56 }

interface Check {
  readonly what: string
  readonly value: number
  readonly floor: { readonly bound: number; readonly kind: 'at least' | 'at most' } | null
}

const holds = ({ value, floor }: Check): boolean => floor === null || (floor.kind === 'at least' ? value >= floor.bound : value <= floor.bound)

const row = (...cells: readonly string[]): string =>
  `${cells.map((cell, at) => at === 0 ? cell.padEnd(36) : cell.padStart(14)).join('')}\n`

const problemOf = (headDim: number, tokens = TOKENS, mask: Problem['mask'] = 'full'): Problem => ({ heads: HEADS, tokens, headDim, mask })

/** @throws Error when two ways of computing the same disagree. */
async function requireAgreement(attention: Attention, expected: Attention, id: ConcreteBackendId): Promise<void> {
  const [found, wanted] = [await attention.results(), await expected.results()]
  const { output, gradient } = toleranceOf(id, 'float32')
  for (const pass of PASSES) {
    wanted[pass].forEach((tensor, index) => {
      const difference = largestDifference(tensor, found[pass][index])
      if (!(difference <= (pass === 'forward' ? output : gradient))) {
        throw new Error(`${attention.passes[pass].name}, ${pass}: differs from ${expected.passes[pass].name} by ${difference}`)
      }
    })
  }
}

type Rates = Readonly<Record<Pass, ReadonlyMap<string, Measured>>>

/** What was measured at one headDim, and the names under which. */
interface Comparison {
  readonly rates: Rates
  readonly fused: Readonly<Record<KernelBuild, string>>
  readonly micro: Readonly<Record<KernelBuild, string>>
  readonly tiled: readonly string[]
  readonly naive: string
}

async function compare(headDim: number, chosen: KernelBuild): Promise<Comparison> {
  const problem = problemOf(headDim)
  await loadTfjsWasm()
  const fused = { relaxed: await fusedAttention(problem, 'relaxed', FUSED_TILE), simd: await fusedAttention(problem, 'simd', FUSED_TILE) }
  const naive = await naiveAttention(problem)
  const tiled: Attention[] = []
  for (const tile of TFJS_TILES) tiled.push(await backendAttention('tfjs-wasm', problem, tile))
  const peaks = []
  const micro = []
  for (const build of KERNEL_BUILDS) {
    peaks.push(await peakCandidate(build))
    micro.push(await microKernelCandidates(build, headDim))
  }
  const large = await fusedLargeScores(problem, chosen, FUSED_TILE)
  const attentions = [fused.relaxed, fused.simd, ...tiled, naive]
  const rates: Record<Pass, Map<string, Measured>> = { forward: new Map(), backward: new Map() }
  for (const pass of PASSES) {
    const candidates = [...peaks, ...micro.map((products) => products[pass]), ...[large, ...attentions].map(({ passes }) => passes[pass])]
    for (const measured of await measure(candidates, ROUNDS)) rates[pass].set(measured.name, measured)
  }
  for (const attention of attentions) {
    if (attention !== fused.simd) await requireAgreement(attention, fused.simd, 'tfjs-wasm')
  }
  for (const attention of [large, ...attentions]) await attention.dispose()
  return {
    rates, naive: naive.passes.forward.name, tiled: tiled.map(({ passes }) => passes.forward.name),
    fused: { relaxed: fused.relaxed.passes.forward.name, simd: fused.simd.passes.forward.name },
    micro: { relaxed: micro[0].forward.name, simd: micro[1].forward.name },
  }
}

function requireMeasured(rates: Rates, pass: Pass, name: string): Measured {
  const measured = rates[pass].get(name)
  if (measured === undefined) throw new Error(`${name} was not measured`)
  return measured
}

/** What causal attention takes of full attention over the same tokens. */
async function causalOverFull(build: KernelBuild): Promise<Readonly<Record<Pass, number>>> {
  const causal = await fusedAttention(problemOf(64, CAUSAL_TOKENS, 'causal'), build, FUSED_TILE)
  const full = await fusedAttention(problemOf(64, CAUSAL_TOKENS), build, FUSED_TILE)
  const ratioOf = async (pass: Pass): Promise<number> => {
    const [ofCausal, ofFull] = await measure([causal.passes[pass], full.passes[pass]], ROUNDS)
    return timeRatio(ofCausal, ofFull)
  }
  return { forward: await ratioOf('forward'), backward: await ratioOf('backward') }
}

interface OtherBackend {
  readonly id: ConcreteBackendId
  readonly outcome: { readonly device: string; readonly clock: string; readonly tokens: number; readonly rates: readonly Measured[] } | { readonly reason: string }
}

async function otherBackend({ id, tile, clock }: (typeof OTHER_BACKENDS)[number]): Promise<OtherBackend> {
  const clockMs = clock === 'CPU' ? threadCpuMs : wallMs
  const measured = async (tokens: number): Promise<Extract<OtherBackend['outcome'], { tokens: number }>> => {
    const problem = problemOf(HEAD_DIMS[0], tokens)
    const attention = await backendAttention(id, problem, tile)
    try {
      const expected = await fusedAttention(problem, 'simd', FUSED_TILE)
      for (const pass of PASSES) await expected.passes[pass].run()
      const rates = await measure(PASSES.map((pass) => attention.passes[pass]), ROUNDS, clockMs)
      await requireAgreement(attention, expected, id)
      return { device: attention.device, clock, tokens, rates }
    } finally {
      await attention.dispose()
    }
  }
  try {
    const few = await measured(FEW_TOKENS)
    return { id, outcome: few.rates[0].medianMs > SHORT_MS ? few : await measured(TOKENS) }
  } catch (error) {
    if (error instanceof BackendUnavailableError) return { id, outcome: { reason: error.message } }
    throw error
  }
}

function checksOf(chosen: KernelBuild, byHeadDim: ReadonlyMap<number, Comparison>, causal: Readonly<Record<Pass, number>>): Check[] {
  const checks: Check[] = []
  const atLeast = (bound: number): Check['floor'] => ({ bound, kind: 'at least' })
  for (const [headDim, { rates, fused, micro, tiled, naive }] of byHeadDim) {
    const rate = (pass: Pass, name: string): Measured => requireMeasured(rates, pass, name)
    for (const pass of PASSES) {
      const at = `${pass}, headDim ${headDim}`
      const own = rate(pass, fused[chosen])
      checks.push(
        { what: `fused over its micro-kernels, ${at}`, value: rateRatio(own, rate(pass, micro[chosen])),
          floor: atLeast(pass === 'forward' ? FLOORS.forwardOverMicro : FLOORS.backwardOverMicro) },
        { what: `fused over naive tfjs-wasm, ${at}`, value: rateRatio(own, rate(pass, naive)),
          floor: pass === 'forward' && headDim === HEAD_DIMS[0] ? atLeast(FLOORS.forwardOverNaive) : null },
        { what: `fused over best tiled tfjs-wasm, ${at}`, value: Math.min(...tiled.map((name) => rateRatio(own, rate(pass, name)))),
          floor: pass === 'forward' ? atLeast(FLOORS.forwardOverTiled) : null })
      if (chosen === 'relaxed') {
        checks.push({ what: `relaxed over plain SIMD, ${at}`, value: rateRatio(own, rate(pass, fused.simd)), floor: atLeast(FLOORS.relaxedOverPlain) })
      }
    }
  }
  checks.push(
    { what: `causal over full, forward, ${CAUSAL_TOKENS} tokens`, value: causal.forward, floor: { bound: FLOORS.causalOverFull, kind: 'at most' } },
    { what: `causal over full, backward, ${CAUSAL_TOKENS} tokens`, value: causal.backward, floor: null })
  return checks
}

const checkLine = (check: Check): string => row(check.what.padEnd(52), check.value.toFixed(check.value < 10 ? 3 : 1),
  check.floor === null ? '' : `  ${check.floor.kind} ${check.floor.bound}: ${holds(check) ? 'met' : 'MISSED'}`)

function printRates(headDim: number, rates: Rates): void {
  process.stdout.write(`\nheadDim ${headDim}\n${row('', 'forward', 'best', 'backward', 'best')}`)
  for (const [name, forward] of rates.forward) {
    const backward = requireMeasured(rates, 'backward', name)
    const best = ({ flops, bestMs }: Measured): string => (flops / bestMs / 1e6).toFixed(1)
    process.stdout.write(row(name, forward.gflops.toFixed(1), best(forward), backward.gflops.toFixed(1), best(backward)))
  }
}

function printOther({ id, outcome }: OtherBackend): void {
  if ('reason' in outcome) {
    process.stdout.write(`${id}: not measured: ${outcome.reason}\n`)
    return
  }
  const [forward, backward] = outcome.rates
  process.stdout.write(row(id, forward.gflops.toFixed(1), '', backward.gflops.toFixed(1)).trimEnd() +
    `   ${outcome.device}; ${outcome.tokens} tokens, ${outcome.clock} time, transfers included\n`)
}

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
  const say = (text: string): void => { if (!json) process.stdout.write(text) }
  const { build: chosen } = await loadKernel(KERNELS_DIR, new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }))
  say(`attention in GFLOP/s, ${HEADS} heads, ${TOKENS} tokens, full mask, Node ${process.version}, medians and best of ${ROUNDS} interleaved rounds, ` +
    `CPU time of one thread\nthis engine takes the ${chosen} build\n`)
  const byHeadDim = new Map<number, Comparison>()
  for (const headDim of HEAD_DIMS) {
    const found = await compare(headDim, chosen)
    byHeadDim.set(headDim, found)
    if (!json) printRates(headDim, found.rates)
  }
  const checks = checksOf(chosen, byHeadDim, await causalOverFull(chosen))
  const allHold = checks.every(holds)
  say(`\nratios, the ${chosen} build, median over rounds\n${checks.map(checkLine).join('')}`)
  // Last, since a native addon may take the process with it.
  say(`\nother backends, headDim ${HEAD_DIMS[0]}\n`)
  const others: OtherBackend[] = []
  for (const backend of OTHER_BACKENDS) {
    const other = await otherBackend(backend)
    others.push(other)
    if (!json) printOther(other)
  }
  if (json) {
    process.stdout.write(`${JSON.stringify({
      heads: HEADS, tokens: TOKENS, node: process.version, rounds: ROUNDS, chosenBuild: chosen,
      measured: [...byHeadDim].map(([headDim, { rates }]) => ({ headDim, forward: [...rates.forward.values()], backward: [...rates.backward.values()] })),
      checks: checks.map((check) => ({ ...check, holds: holds(check) })), otherBackends: others, holds: allHold,
    }, null, 2)}\n`)
  }
  return allHold ? 0 : 1
}

process.exitCode = await main()
