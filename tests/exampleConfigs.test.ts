import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PlanReport } from '../preload/contract/plan.ts'
import type { RunResult } from '../preload/contract/run.ts'
import { cleanEnvironment, root, temporaryFolder } from './support/paths.ts'
import { startProgram } from './support/program.ts'

const folder = join(root, 'fixtures/configs')
const names = readdirSync(folder).map((name) => basename(name, '.json')).sort()

/** What the built command line prints for a shipped config; its own words where it does not end well. */
async function answerOf<T>(command: 'run' | 'plan', name: string): Promise<T> {
  const program = startProgram(process.execPath, ['bin/ringscope.mjs', command, join(folder, `${name}.json`), '--json'], {
    cwd: root, env: cleanEnvironment(temporaryFolder()),
  })
  const { code } = await program.exited
  expect({ code, said: program.stderr() }).toEqual({ code: 0, said: expect.any(String) as string })
  return JSON.parse(program.stdout()) as T
}

const checksums = new Map<string, number | null>()

describe('every config that ships', () => {
  it.each(names)('%s: runs, is right, and sends what its plan says', async (name) => {
    const plan = await answerOf<PlanReport>('plan', name)
    const result = await answerOf<RunResult>('run', name)
    expect(result.failure).toBeNull()
    expect(result.iterations).toHaveLength(result.config.iterations)
    expect(result.traffic.map(({ channel, payload, pass, hops, bytesPerHop }) => ({ channel, payload, pass, hops, bytesPerHop }))).toEqual(plan.plan.traffic)
    expect([result.hops, result.theory.hops]).toEqual([plan.plan.hops, plan.plan.hops])
    expect(result.ranks.map(({ rank }) => rank)).toEqual(plan.plan.ranks.map(({ rank }) => rank))

    const { verification, config } = result
    checksums.set(name, result.outputChecksum)
    if (config.backend === 'modelled') {
      expect([result.modelled, verification]).toEqual([true, null])
      return
    }
    expect(verification).toMatchObject({ passed: true })
    expect(verification?.checkedRows).toBeGreaterThan(0)
    expect(verification?.maxAbsError).toBeLessThan(config.wireDtype === 'bfloat16' ? 2e-2 : 1e-5)
    if (config.pass === 'forward') {
      expect(verification).toMatchObject({ maxAbsGradError: null, gradTolerance: null })
    } else {
      expect(verification?.checkedGradRows).toBeGreaterThan(0)
      expect(verification?.maxAbsGradError).toBeLessThan(1e-4)
    }
  })

  // The same inputs through different algorithms: other orders of summation, the same values.
  it.each([
    ['4-ranks-forward-backward', ['4-ranks-double-ring', '4-ranks-distflash']],
    ['4-ranks-grouped-query-heads', ['4-ranks-ulysses-x-ring']],
    ['2-ranks-zigzag-causal', ['2-ranks-contiguous-causal', '2-ranks-striped-causal', '2-ranks-block-cyclic-causal']],
  ])('%s has the same output as %o', (name, others) => {
    const expected = checksums.get(name) ?? Number.NaN
    for (const other of others) expect(Math.abs((checksums.get(other) ?? Number.NaN) - expected), other).toBeLessThan(1e-4 * Math.abs(expected) + 1e-3)
  })
})
