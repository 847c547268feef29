import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { RingSweepReport, SweepReport } from '../../../../preload/contract/sweep.ts'
import { findInstallation } from '../../../installation.ts'
import type { CliContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import type { Terminal } from '../terminal.ts'
import { sweep, type SweepOptions } from './sweep.ts'

let folder: string
let config: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-cli-sweep-'))
  vi.stubEnv('RINGSCOPE_CONFIG_DIR', join(folder, 'configs'))
  config = join(folder, 'config.json')
  writeFileSync(config, JSON.stringify({ world: 1, seqLen: 64, heads: 2, headDim: 16, backend: 'tfjs-cpu', iterations: 1, warmup: 0 }))
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const OPTIONS: SweepOptions = { set: [], ring: false, axis: [], repeats: 1, fresh: true, l2: 65_536, json: true }

/** Runs the command, stopping it at the first progress of which the condition holds. */
async function run(options: Partial<SweepOptions>, stopAt: (progress: string) => boolean = () => false): Promise<{ context: CliContext; out: string }> {
  const stop = new AbortController()
  let out = ''
  const terminal: Terminal = {
    showsResults: false, note: () => undefined,
    out: async (text) => { out += text },
    progress: (text) => { if (stopAt(text)) stop.abort() },
  }
  const context: CliContext = { installation: findInstallation(), terminal, cancel: stop.signal, exitCode: 0 }
  await sweep(config, { ...OPTIONS, ...options }, context)
  return { context, out }
}

describe('sweep', () => {
  test('that is stopped prints and saves what it has measured, and ends with 130', async () => {
    const path = join(folder, 'stopped.json')
    // Both cells checked and each measured once, of many times.
    const { context, out } = await run({ blockQ: [32, 64], blockK: [64], repeats: 1000, out: path }, (progress) => / 4 of /.test(progress))
    expect(context.exitCode).toBe(130)
    const report = JSON.parse(out) as SweepReport
    expect(report.cells).toHaveLength(2)
    expect(report.warnings.at(-1)).toMatch(/^cancelled: 2 of 2 cells were measured/)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(report)
  })

  test('--ring varies the shard length where no axis is given', async () => {
    const { context, out } = await run({ ring: true, l2: undefined, set: ['backend=modelled', 'model={"gflops":0.01}'] })
    expect(context.exitCode).toBe(0)
    const report = JSON.parse(out) as RingSweepReport
    expect(report.axes).toEqual([{ path: 'seqLen', values: [8, 16, 32, 64, 128] }])
    expect(report.cells.map(({ shardTokens }) => shardTokens)).toEqual([8, 16, 32, 64, 128])
  })

  test('says which options go together', async () => {
    await expect(run({ blockQ: [8] })).rejects.toThrow(UsageError)
    await expect(run({ ring: true })).rejects.toThrow('--l2')
  })
})
