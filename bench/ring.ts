import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { parseRunConfig, type RunConfig } from '../kernels/config/runConfig.ts'
import type { RunResult } from '../preload/contract/run.ts'
import { runResult } from '../main/analysis/runResult.ts'
import { startRun } from '../main/executor/executor.ts'
import { nodeRankHost } from '../main/executor/nodeRankHost.ts'
import { findInstallation } from '../main/installation.ts'

/*
 * What a second rank brings: one rank against two on a core each, the same problem, run by run in turn. Full mask, so that
 * both ranks have the same work in every step; S = 8192, and enough heads that a pass is a second of compute against
 * milliseconds of transfers. Real runs of the executor on the fused kernel, with overlap on and verified.
 */
const PROBLEM = { mask: 'full', layout: 'contiguous', batch: 1, seqLen: 8192, heads: 4, headDim: 64, backend: 'wasm', overlap: true } as const
const ITERATIONS_PER_RUN = 2
const REPEATS = 5
const LEAST_SPEEDUP = 1.85
const MOST_EXPOSED_PERCENT = 3

type Pass = RunConfig['pass']

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

async function measure(world: number, pass: Pass, verify: boolean): Promise<RunResult> {
  const config = parseRunConfig({ ...PROBLEM, name: 'ring bench', world, pass, verify, warmup: 1, iterations: ITERATIONS_PER_RUN }, 'the bench')
  const timeline = await startRun(config, { installation: findInstallation(), rankHost: nodeRankHost() }).finished
  const result = runResult(timeline, null)
  if (result.failure !== null) throw new Error(`the run of ${world} ranks failed: ${result.failure.message}`)
  if (verify && result.verification?.passed !== true) {
    throw new Error(`the run of ${world} ranks is wrong: ${JSON.stringify(result.verification)}`)
  }
  return result
}

/** Transfers that no compute of the rank hid, of the rank where that is most, in percent of the iterations. */
function exposedPercent({ ranks, iterations }: RunResult): number {
  const totalMs = iterations.reduce((sum, { makespanMs }) => sum + makespanMs, 0)
  return (100 * Math.max(...ranks.map(({ exposedMs }) => exposedMs))) / totalMs
}

interface PassReport {
  readonly oneRankMs: number
  readonly twoRanksMs: number
  readonly gflopsPerRank: { readonly one: number; readonly two: number }
  readonly speedup: number
  readonly exposedPercent: number
  readonly passed: boolean
}

async function compare(pass: Pass): Promise<PassReport> {
  const pairs: { one: RunResult; two: RunResult }[] = []
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    pairs.push({ one: await measure(1, pass, repeat === 0), two: await measure(2, pass, repeat === 0) })
  }
  // Of runs that followed each other: whatever else the machine does weighs on both.
  const speedup = median(pairs.map(({ one, two }) => one.makespanMs / two.makespanMs))
  const exposed = median(pairs.map(({ two }) => exposedPercent(two)))
  const rate = (of: 'one' | 'two'): number => median(pairs.map((pair) => Math.min(...pair[of].ranks.map(({ gflops }) => gflops))))
  return {
    oneRankMs: median(pairs.map(({ one }) => one.makespanMs)), twoRanksMs: median(pairs.map(({ two }) => two.makespanMs)),
    gflopsPerRank: { one: rate('one'), two: rate('two') },
    speedup, exposedPercent: exposed, passed: speedup >= LEAST_SPEEDUP && exposed < MOST_EXPOSED_PERCENT,
  }
}

function describe(pass: Pass, report: PassReport): string {
  const { oneRankMs, twoRanksMs, gflopsPerRank, speedup, exposedPercent: exposed, passed } = report
  return `${pass}\n` +
    `  1 rank   ${oneRankMs.toFixed(0)} ms  ${gflopsPerRank.one.toFixed(1)} GFLOP/s\n` +
    `  2 ranks  ${twoRanksMs.toFixed(0)} ms  ${gflopsPerRank.two.toFixed(1)} GFLOP/s each at least\n` +
    `  ${speedup.toFixed(2)} times as fast, at least ${LEAST_SPEEDUP} wanted; ` +
    `${exposed.toFixed(2)} % exposed communication, less than ${MOST_EXPOSED_PERCENT} % wanted: ${passed ? 'met' : 'MISSED'}\n`
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } }, allowPositionals: true })
  const cores = availableParallelism()
  if (cores < 2) {
    process.stderr.write(`two ranks on a core each need two cores: this machine has ${cores}\n`)
    return 1
  }
  const forward = await compare('forward')
  if (!values.json) {
    const { seqLen, heads, headDim, batch } = PROBLEM
    process.stdout.write(`1 rank and 2 ranks, full mask, S=${seqLen}, ${heads} heads of ${headDim}, batch ${batch}, wasm, overlap on; medians of ${REPEATS} runs each, in turn\n${describe('forward', forward)}`)
  }
  const backward = await compare('forward-backward')
  const passed = forward.passed && backward.passed
  process.stdout.write(values.json
    ? `${JSON.stringify({ problem: PROBLEM, forward, 'forward-backward': backward, leastSpeedup: LEAST_SPEEDUP, mostExposedPercent: MOST_EXPOSED_PERCENT, passed })}\n`
    : describe('forward-backward', backward))
  return passed ? 0 : 1
}

process.exit(await main())
