import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { buildKernels } from '../../scripts/build-kernels.mjs'
import { nodeRankHost } from '../executor/nodeRankHost.ts'
import type { RankExit, RankHost } from '../executor/rankHost.ts'
import { findInstallation } from '../installation.ts'
import { measureTransport, processesOf } from './calibrate.ts'
import { CalibrationCancelledError, CalibrationFailedError } from './errors.ts'
import { measureRates, ratesNeeded, readRates } from './measureRates.ts'
import { RatesStore } from './ratesStore.ts'
import { someRates } from './testRates.ts'

const installation = findInstallation()

/** Starts processes that answer every request in one way, and counts them. */
function answeringHost(answer: unknown): RankHost & { started: number; living: number } {
  const host = {
    started: 0, living: 0,
    spawn: () => {
      host.started++
      host.living++
      let tell = (_message: unknown): void => undefined
      const exits: ((exit: RankExit) => void)[] = []
      return {
        pid: 1,
        send: () => { queueMicrotask(() => { tell(answer) }) },
        onMessage: (listener: (message: unknown) => void) => { tell = listener },
        onExit: (listener: (exit: RankExit) => void) => { exits.push(listener) },
        onStderr: () => undefined,
        kill: () => {
          host.living--
          for (const exit of exits) exit({ code: null, signal: 'SIGKILL' })
        },
      }
    },
  }
  return host
}

const { roofline } = someRates()
const answeringRoofline = (): ReturnType<typeof answeringHost> => answeringHost({ kind: 'roofline', roofline })

describe('the roofline of this machine', () => {
  let folder: string
  let store: RatesStore
  beforeAll(async () => { await buildKernels() })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringscope-rates-'))
    store = new RatesStore(join(folder, 'rates.json'))
  })
  afterEach(() => { rmSync(folder, { recursive: true }) })

  test('is measured once, kept, and measured again when asked to', async () => {
    const rankHost = answeringRoofline()
    const measure = (fresh = false) => measureRates({ installation, rankHost }, { store, transports: false, fresh })
    expect((await readRates(installation, store)).rates).toBeNull()
    const first = await measure()
    expect(first.roofline).toEqual(roofline)
    expect(await measure()).toEqual(first)
    expect((await readRates(installation, store)).rates).toEqual(first)
    expect(rankHost.started).toBe(1)
    await measure(true)
    expect(rankHost).toMatchObject({ started: 2, living: 0 })
  })

  test('is measured again, and that is said, where the stored one is damaged or of another machine', async () => {
    const rankHost = answeringRoofline()
    const said: string[] = []
    const measure = () => measureRates({ installation, rankHost }, { store, transports: false, onProgress: (what) => { said.push(what) } })
    writeFileSync(store.path, 'nonsense')
    await measure()
    await store.write({ ...await measure(), machineKey: 'another' })
    await measure()
    expect(rankHost.started).toBe(2)
    expect(said.filter((what) => what.endsWith('measured again'))).toHaveLength(2)
  })

  test('is an error with the reason where it cannot be measured; nothing is stored, no process is left', async () => {
    for (const answer of [{ kind: 'failed', message: 'no SIMD here' }, { kind: 'roofline', roofline: {} }]) {
      const rankHost = answeringHost(answer)
      await expect(measureRates({ installation, rankHost }, { store, transports: false })).rejects.toThrow(CalibrationFailedError)
      expect(rankHost.living).toBe(0)
    }
    await expect(measureRates({ installation, rankHost: answeringRoofline() }, { store, transports: false, signal: AbortSignal.abort() }))
      .rejects.toThrow(CalibrationCancelledError)
    expect((await readRates(installation, store)).rates).toBeNull()
  })

  test('comes from a process of its own', async () => {
    const measured = await measureRates({ installation, rankHost: nodeRankHost() }, { store, transports: false })
    expect(measured.roofline.peakGflops).toBeGreaterThan(0)
  }, 60_000)
})

test('an emulated link is found again by the fit over hops of several sizes', async () => {
  const link = { bandwidthGBps: 0.04, latencyUs: 15_000 }
  const rate = await measureTransport({ installation, rankHost: nodeRankHost() }, 'socket', link)
  expect(rate.bandwidthGBps / link.bandwidthGBps).toBeCloseTo(1, 1)
  expect(rate.latencyUs / link.latencyUs).toBeCloseTo(1, 1)
}, 60_000)

describe('what a config needs', () => {
  const needed = (fields: Partial<RunConfigInput>) => ratesNeeded(
    parseRunConfig({ world: 2, seqLen: 1024, heads: 8, kvHeads: 2, headDim: 64, backend: 'wasm', transport: 'socket', ...fields }, 'a test'),
    { installation, rankHost: nodeRankHost() })

  test('is its shape on one rank, on as many processes as there are cores', async () => {
    const processes = processesOf(64)
    expect(await needed({ world: 64, seqLen: 8192, pass: 'forward-backward' })).toEqual({
      shape: { backend: 'wasm', heads: 8, kvHeads: 2, headDim: 64, blockQ: 128, blockK: 256, processes },
      transport: 'socket', ring: { backend: 'wasm', world: processes, linkBound: false }, backward: true,
    })
    expect((await needed({ world: 4, algorithm: 'ulysses' })).shape).toMatchObject({ heads: 2, kvHeads: 1 })
  })

  test('is a ring alone where compute is modelled, with its link where that is emulated', async () => {
    const modelled = { world: 8, seqLen: 8192, backend: 'modelled', model: { gflops: 5 } } as const
    expect(await needed(modelled)).toMatchObject({ shape: null, ring: { backend: 'modelled', world: 8, linkBound: false } })
    expect(await needed({ ...modelled, world: 256, link: { bandwidthGBps: 1, latencyUs: 1 } })).toMatchObject({ ring: { world: 16, linkBound: true } })
  })
})
