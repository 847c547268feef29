import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseRunConfig, type RunConfigInput } from '../kernels/config/runConfig.ts'
import type { SweepReport } from '../preload/contract/sweep.ts'
import { nodeRankHost } from '../main/executor/nodeRankHost.ts'
import { findInstallation } from '../main/installation.ts'
import { startSweep } from '../main/sweep/sweep.ts'
import { thisMachine } from '../main/sweep/sweepMachine.ts'

/**
 * The tile that a sweep predicts before it measures, against the best that it then measures, over shapes of both kernels: the fused
 * one, where registers and dispatch decide, and the generic one, where dispatch and the caches do. Fails where the predicted tile
 * is slower than the best by more than a tenth. Needs a machine that does nothing else: many noisy cells say that it did.
 */
const SLOWEST = 0.9
const DEFAULT_REPEATS = 5

interface Shape {
  readonly config: RunConfigInput
  readonly blockQ: readonly number[]
  readonly blockK: readonly number[]
}

const FUSED = { blockQ: [8, 32, 128, 512], blockK: [8, 32, 72, 128, 512] }
const GENERIC = { blockQ: [64, 256, 1024, 2048], blockK: [64, 256, 1024, 2048] }

const fused = (name: string, config: Omit<RunConfigInput, 'world' | 'name' | 'backend'>): Shape =>
  ({ ...FUSED, config: { world: 1, layout: 'contiguous', backend: 'wasm', name: `wasm, ${name}`, ...config } })
const generic = (name: string, config: Omit<RunConfigInput, 'world' | 'name' | 'backend'>): Shape =>
  ({ ...GENERIC, config: { world: 1, layout: 'contiguous', backend: 'tfjs-wasm', name: `tfjs-wasm, ${name}`, ...config } })

const SHAPES: readonly Shape[] = [
  fused('d 64, 2048 tokens, causal', { headDim: 64, heads: 2, seqLen: 2048 }),
  fused('d 128, 2048 tokens, full', { headDim: 128, heads: 2, seqLen: 2048, mask: 'full' }),
  fused('d 64, 8192 tokens, causal', { headDim: 64, heads: 1, seqLen: 8192 }),
  fused('d 64, 8 heads on 2, 1024 tokens, causal', { headDim: 64, heads: 8, kvHeads: 2, seqLen: 1024 }),
  fused('d 64, 1024 tokens, causal, both passes', { headDim: 64, heads: 2, seqLen: 1024, pass: 'forward-backward' }),
  generic('d 64, 2048 tokens, full', { headDim: 64, heads: 1, seqLen: 2048, mask: 'full' }),
  generic('d 16, 4096 tokens, full', { headDim: 16, heads: 1, seqLen: 4096, mask: 'full' }),
  generic('d 64, 2048 tokens, causal', { headDim: 64, heads: 1, seqLen: 2048 }),
]

/** @returns the arguments, or null after saying what is wrong with them. */
function parseOptions(): { readonly json: boolean; readonly repeats: number } | null {
  try {
    const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, repeats: { type: 'string', default: `${DEFAULT_REPEATS}` } } })
    const repeats = Number(values.repeats)
    if (Number.isInteger(repeats) && repeats > 0) return { json: values.json, repeats }
    throw new RangeError(`--repeats ${values.repeats}: expected a whole number above 0`)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nusage: npm run bench -- sweep [--repeats 5] [--json]\n`)
    return null
  }
}

const row = (...cells: readonly string[]): string => `${cells.map((cell, at) => (at === 0 ? cell.padEnd(52) : cell.padStart(16))).join('')}\n`
const tile = ({ blockQ, blockK }: { readonly blockQ: number; readonly blockK: number }): string => `${blockQ} x ${blockK}`

/** Largest |predicted - measured| over measured, of all cells. */
const largestError = ({ cells }: SweepReport): number =>
  Math.max(...cells.map(({ limits, medianMs }) => (limits === null ? Number.NaN : Math.abs(limits.predictedMs / medianMs - 1))))

async function main(): Promise<number> {
  const options = parseOptions()
  if (options === null) return 2
  const folder = mkdtempSync(join(tmpdir(), 'ringscope-bench-'))
  try {
    const engine = { installation: findInstallation(), rankHost: nodeRankHost() }
    // Rates and cells of its own: what is known from before might have been measured beside other work.
    const machine = thisMachine(engine, folder)
    const reports: SweepReport[] = []
    if (!options.json) process.stdout.write(row('', 'measured best', 'GFLOP/s', 'predicted best', 'its speed', 'slowest tile', 'model off by', 'noisy cells'))
    for (const { config, blockQ, blockK } of SHAPES) {
      const report = await startSweep(
        { kind: 'tile', config: parseRunConfig(config, 'a shape of the bench'), blockQ, blockK, axes: [], repeats: options.repeats, fresh: true },
        { ...engine, machine }).finished
      if (report.kind !== 'tile') throw new TypeError('a sweep of tiles reported another')
      reports.push(report)
      if (options.json) continue
      const slowest = Math.min(...report.cells.map(({ gflops }) => gflops)) / report.best.gflops
      process.stdout.write(row(report.config.name, tile(report.best), report.best.gflops.toFixed(1),
        report.predictedBest === null ? '-' : tile(report.predictedBest), report.predictedBest?.speedOfBest?.toFixed(3) ?? '-', slowest.toFixed(3),
        `${(100 * largestError(report)).toFixed(0)} %`, `${report.cells.filter(({ noisy }) => noisy).length} of ${report.cells.length}`))
    }
    const holds = reports.every(({ predictedBest, cells }) => (predictedBest?.speedOfBest ?? 0) >= SLOWEST && cells.every(({ passed }) => passed))
    if (options.json) process.stdout.write(`${JSON.stringify({ slowest: SLOWEST, holds, reports }, null, 2)}\n`)
    else process.stdout.write(`\npredicted tiles reach ${SLOWEST} of the best's speed: ${holds ? 'met' : 'MISSED'}\n`)
    return holds ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

process.exitCode = await main()
