import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { RunConfig } from '../kernels/config/runConfig.ts'
import { runResult } from '../main/analysis/runResult.ts'
import { median } from '../main/analysis/statistics.ts'
import { loadConfigFile } from '../main/config/configFile.ts'
import { UNDISTURBED } from '../main/simulator/circumstances.ts'
import { startRun } from '../main/executor/executor.ts'
import { nodeRankHost } from '../main/executor/nodeRankHost.ts'
import { findInstallation } from '../main/installation.ts'
import { clusterOfMachine } from '../main/rates/clusterOfMachine.ts'
import { calibrate, type ConfigRates, ratesNeeded } from '../main/rates/measureRates.ts'
import { simulateFigures } from '../main/simulator/simulateFigures.ts'

/*
 * The simulator against the executor on this machine: configs of two ranks that compute, and of eight whose compute is
 * modelled. Runs of all configs take turns, round by round, and so do the calibrations that the simulator's rates come from, so
 * that whatever else the machine does weighs on both alike. A round calibrates right before it runs; what is compared are
 * medians over the rounds of what a round measured and of what its rates predict.
 */
const CONFIGS = /^(2-ranks|8-ranks-modelled)-.*\.json$/
const ROUNDS = 5
/** Draws of the threads' jitter; a run is one draw as well. */
const SEEDS = 15
const LIMITS = { makespan: 0.1, idleFraction: 0.03, overlapRatio: 0.05 } as const

interface Figures {
  readonly makespanMs: number
  readonly idleFraction: number
  readonly overlapRatio: number
}

interface Agreement {
  readonly config: string
  readonly measured: Figures
  readonly simulated: Figures
  /** Simulated over measured, less 1. */
  readonly makespanDifference: number
  readonly idleDifference: number
  readonly overlapDifference: number
  readonly passed: boolean
}

const engine = { installation: findInstallation(), rankHost: nodeRankHost() }

async function configsOf(folder: string): Promise<{ readonly name: string; readonly config: RunConfig }[]> {
  const names = readdirSync(folder).filter((name) => CONFIGS.test(name)).sort()
  return Promise.all(names.map(async (name) =>
    // What is verified here are times; numerics have their own tests.
    ({ name: name.replace(/\.json$/, ''), config: { ...await loadConfigFile(join(folder, name), []), verify: false } })))
}

async function measure(config: RunConfig): Promise<Figures[]> {
  const result = runResult(await startRun(config, engine).finished, null)
  if (result.failure !== null) throw new Error(`${config.name} failed: ${result.failure.message}`)
  return result.iterations.map(({ makespanMs, idleFraction, overlapRatio }) => ({ makespanMs, idleFraction, overlapRatio: overlapRatio ?? 0 }))
}

async function predict(config: RunConfig, rates: ConfigRates): Promise<Figures> {
  const cluster = clusterOfMachine(config, rates, await ratesNeeded(config, engine))
  return medianFigures(Array.from({ length: SEEDS }, (_, seed) => {
    const { makespanMs, idleFraction, overlapRatio } = simulateFigures(config, cluster, { ...UNDISTURBED, seed })
    return { makespanMs, idleFraction, overlapRatio: overlapRatio ?? 0 }
  }))
}

const medianFigures = (figures: readonly Figures[]): Figures => ({
  makespanMs: median(figures.map((each) => each.makespanMs)),
  idleFraction: median(figures.map((each) => each.idleFraction)),
  overlapRatio: median(figures.map((each) => each.overlapRatio)),
})

function agreementOf(config: string, measured: Figures, simulated: Figures): Agreement {
  const makespanDifference = simulated.makespanMs / measured.makespanMs - 1
  const idleDifference = simulated.idleFraction - measured.idleFraction
  const overlapDifference = simulated.overlapRatio - measured.overlapRatio
  return {
    config, measured, simulated, makespanDifference, idleDifference, overlapDifference,
    passed: Math.abs(makespanDifference) <= LIMITS.makespan && Math.abs(idleDifference) <= LIMITS.idleFraction &&
      Math.abs(overlapDifference) <= LIMITS.overlapRatio,
  }
}

function tableOf(agreements: readonly Agreement[]): string {
  const cells = agreements.map(({ config, measured, simulated, makespanDifference, idleDifference, overlapDifference, passed }) => [
    config, measured.makespanMs.toFixed(1), simulated.makespanMs.toFixed(1), `${(100 * makespanDifference).toFixed(1)} %`,
    measured.idleFraction.toFixed(3), simulated.idleFraction.toFixed(3), idleDifference.toFixed(3),
    measured.overlapRatio.toFixed(3), simulated.overlapRatio.toFixed(3), overlapDifference.toFixed(3), passed ? 'met' : 'MISSED',
  ])
  const rows = [['config', 'run ms', 'sim ms', 'diff', 'run idle', 'sim idle', 'diff', 'run ovl', 'sim ovl', 'diff', ''], ...cells]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ').trimEnd()).join('\n')
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: String(ROUNDS) }, only: { type: 'string', default: '' } },
    allowPositionals: true,
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) {
    process.stderr.write('usage: npm run bench -- agreement [--rounds 5] [--only part-of-a-name] [--json]\n')
    return 2
  }
  const configs = (await configsOf(join(engine.installation.fixturesDir, 'configs'))).filter(({ name }) => name.includes(values.only))
  const found = configs.map(() => ({ measured: [] as Figures[], simulated: [] as Figures[] }))
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`round ${round + 1} of ${rounds}: calibrating\n`)
    const rates = await calibrate(engine, configs.map(({ config }) => config))
    for (const [at, { name, config }] of configs.entries()) {
      process.stderr.write(`round ${round + 1} of ${rounds}: ${name}\n`)
      found[at].simulated.push(await predict(config, rates))
      found[at].measured.push(...await measure(config))
    }
  }
  const agreements = configs.map(({ name }, at) => agreementOf(name, medianFigures(found[at].measured), medianFigures(found[at].simulated)))
  const passed = agreements.every((agreement) => agreement.passed)
  process.stdout.write(values.json
    ? `${JSON.stringify({ rounds, limits: LIMITS, agreements, passed }, null, 2)}\n`
    : `simulator against executor, medians over ${rounds} rounds; limits: makespan ${100 * LIMITS.makespan} %, ` +
      `idle ${LIMITS.idleFraction}, overlap ${LIMITS.overlapRatio}\n${tableOf(agreements)}\n`)
  return passed ? 0 : 1
}

process.exit(await main())
