import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { buildKernels } from '../../scripts/build-kernels.mjs'
import { nodeRankHost } from '../executor/nodeRankHost.ts'
import { findInstallation } from '../installation.ts'
import { CalibrationCancelledError } from '../rates/errors.ts'
import { machineFacts, machineKey } from '../rates/machineKey.ts'
import { RatesStore } from '../rates/ratesStore.ts'
import { someRates } from '../rates/testRates.ts'
import { BusyError } from './errors.ts'
import { RatesService } from './ratesService.ts'
import { WorkSlot } from './workSlot.ts'

const installation = findInstallation()
let folder: string
let store: RatesStore
beforeAll(async () => { await buildKernels() })
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-rates-'))
  store = new RatesStore(join(folder, 'rates.json'))
})
afterEach(() => { rmSync(folder, { recursive: true }) })

const service = (slot = new WorkSlot()): RatesService => new RatesService({ engine: { installation, rankHost: nodeRankHost() }, store, slot })

test('what is known is what was measured of this machine', async () => {
  expect(await service().known()).toBeNull()
  await store.write(someRates({ machineKey: 'another' }))
  expect(await service().known()).toBeNull()
  const own = someRates({ machineKey: machineKey(await machineFacts(installation)) })
  await store.write(own)
  expect(await service().known()).toEqual(own)
})

test('the machine is not measured beside a run', async () => {
  const slot = new WorkSlot()
  slot.take('a run')
  await expect(service(slot).measure()).rejects.toThrow(BusyError)
})

test('nothing runs beside the measuring, which ends with the application and gives the slot back', async () => {
  const slot = new WorkSlot()
  const rates = service(slot)
  const measured = rates.measure()
  measured.catch(() => undefined)
  expect(() => slot.take('a run')).toThrow(BusyError)
  await rates.dispose()
  await expect(measured).rejects.toThrow(CalibrationCancelledError)
  slot.take('a run')
  expect(await rates.known()).toBeNull()
})
