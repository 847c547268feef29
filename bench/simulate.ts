import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { RunConfigInput } from '../kernels/config/runConfig.ts'
import type { ChildReport } from './simulate.child.ts'

/*
 * Worlds of 1024 ranks with their full schedules: from the config to every figure of the plan, theory and simulation, each in a
 * process of its own, so that its memory is its own. Fails where a world takes longer than 2 s.
 */
const PROBLEM = { world: 1024, seqLen: 1 << 20, heads: 32, kvHeads: 8, headDim: 128, layout: 'zigzag' } as const
const WORLDS: readonly (readonly [string, Partial<RunConfigInput>])[] = [
  ['ring', {}],
  ['ring, forward and backward', { pass: 'forward-backward' }],
  ['double ring of 8', { algorithm: 'double-ring', window: 8 }],
  ['double ring of 8, forward and backward', { algorithm: 'double-ring', window: 8, pass: 'forward-backward' }],
  ['hybrid, 8 ranks a group', { algorithm: 'hybrid', ulyssesDegree: 8, heads: 64, kvHeads: 8 }],
  ['Ulysses', { algorithm: 'ulysses', heads: 1024, kvHeads: 1024 }],
  ['DistFlashAttention', { algorithm: 'distflash', layout: 'contiguous' }],
]
const MOST_SECONDS = 2
const REPEATS = 3

const CHILD = fileURLToPath(new URL('simulate.child.ts', import.meta.url))

const measured = (fields: Partial<RunConfigInput>): ChildReport =>
  // Our own child's report.
  JSON.parse(execFileSync(process.execPath, [CHILD, JSON.stringify({ ...PROBLEM, ...fields })], { encoding: 'utf8' })) as ChildReport

interface WorldReport extends ChildReport {
  readonly name: string
  readonly passed: boolean
}

function measure(name: string, fields: Partial<RunConfigInput>): WorldReport {
  const runs = Array.from({ length: REPEATS }, () => measured(fields)).sort((a, b) => a.seconds - b.seconds)
  const median = runs[Math.floor(REPEATS / 2)]
  return { name, ...median, passed: median.seconds < MOST_SECONDS }
}

const millions = (count: number): string => (count / 1e6).toFixed(2)

function describe({ name, seconds, simulationSeconds, steps, moves, peakRssMiB, passed }: WorldReport): string {
  return `${name}\n` +
    `  ${seconds.toFixed(2)} s, less than ${MOST_SECONDS} wanted: ${passed ? 'met' : 'MISSED'}; ${peakRssMiB.toFixed(0)} MiB at most\n` +
    `  simulation alone ${simulationSeconds.toFixed(2)} s: ${millions(steps)} million steps and ${millions(moves)} million transfers, ` +
    `${millions((steps + moves) / simulationSeconds)} million of them a second\n`
}

function main(): number {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } }, allowPositionals: true })
  const { world, seqLen } = PROBLEM
  if (!values.json) process.stdout.write(`plan and simulation of ${world} ranks, S=${seqLen}; medians of ${REPEATS} processes\n`)
  const worlds = WORLDS.map(([name, fields]) => {
    const report = measure(name, fields)
    if (!values.json) process.stdout.write(describe(report))
    return report
  })
  const passed = worlds.every((report) => report.passed)
  if (values.json) process.stdout.write(`${JSON.stringify({ problem: PROBLEM, mostSeconds: MOST_SECONDS, worlds, passed })}\n`)
  return passed ? 0 : 1
}

process.exit(main())
