import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Result } from '../../preload/contract/envelope.ts'
import { provideBridge } from '../bridge/current.ts'
import { memoryBridge, type MemoryBridge, type RouteHandlers } from '../bridge/memoryBridge.ts'
import { useNotices } from './notices.ts'
import { useRates } from './rates.ts'
import type { SweepStart } from './sweepForm.ts'
import { useSweeps } from './sweeps.ts'
import { progressOf, ringCellOf, ringReport, ROOFLINE, tileCell, tileReport } from './testSweepData.ts'

function connect(handlers: RouteHandlers): { readonly bridge: MemoryBridge; readonly sweeps: ReturnType<typeof useSweeps> } {
  const bridge = memoryBridge(handlers)
  provideBridge(bridge)
  const sweeps = useSweeps()
  sweeps.listen()
  return { bridge, sweeps }
}

beforeEach(() => setActivePinia(createPinia()))

const TILES: SweepStart = { kind: 'tile', config: {}, blockQ: [32], blockK: [64], axes: [], repeats: 5, fresh: false }
const RINGS: SweepStart = { kind: 'ring', config: {}, axes: [{ path: 'seqLen', values: [512] }], repeats: 3, fresh: false }
const cancelled = { code: 'cancelled', message: 'cancelled' } as const

describe('a sweep', () => {
  it('goes from its start over progress to its report', async () => {
    const { bridge, sweeps } = connect({ 'sweep.start': () => ({ sweepId: 'sweep-1' }) })
    await sweeps.start(TILES)
    expect([sweeps.running, sweeps.activeKind, sweeps.outcomes.tile.asked]).toEqual([true, 'tile', TILES])
    bridge.emit('sweep.progress', progressOf())
    expect([sweeps.progress?.done, sweeps.outcomes.tile.cells.length]).toEqual([3, 1])
    const report = tileReport([tileCell(32, 64, 30), tileCell(64, 64, 40)])
    bridge.emit('sweep.finished', { sweepId: 'sweep-1', report, error: null })
    expect([sweeps.running, sweeps.outcomes.tile.report, sweeps.outcomes.tile.cells]).toEqual([false, report, report.cells])
  })

  it('of one kind leaves the last result of the other where it is', () => {
    const { bridge, sweeps } = connect({})
    bridge.emit('sweep.finished', { sweepId: 'sweep-1', report: tileReport([tileCell(32, 64, 30)]), error: null })
    bridge.emit('sweep.progress', progressOf({ sweepId: 'sweep-2', kind: 'ring', cells: [], ringCells: [ringCellOf(128)] }))
    bridge.emit('sweep.finished', { sweepId: 'sweep-2', report: ringReport([ringCellOf(128), ringCellOf(256)]), error: null })
    expect([sweeps.outcomes.tile.cells.length, sweeps.outcomes.ring.cells.length]).toEqual([1, 2])
  })

  it('that goes on while the page is loaded shows at once, with its kind', () => {
    const { bridge, sweeps } = connect({})
    bridge.emit('sweep.progress', progressOf({ kind: 'ring', cells: [], ringCells: [ringCellOf(128)], paused: true }))
    expect([sweeps.kind, sweeps.running, sweeps.progress?.paused, sweeps.outcomes.ring.cells.length]).toEqual(['ring', true, true, 1])
  })

  it('that is started here does not take the screen from the kind that is looked at', async () => {
    const { bridge, sweeps } = connect({ 'sweep.start': () => ({ sweepId: 'sweep-1' }) })
    await sweeps.start(TILES)
    sweeps.kind = 'ring'
    bridge.emit('sweep.progress', progressOf())
    expect(sweeps.kind).toBe('ring')
  })

  it('that is cancelled keeps what it measured, with or without a report, and leaves no error', () => {
    const { bridge, sweeps } = connect({})
    bridge.emit('sweep.progress', progressOf())
    bridge.emit('sweep.finished', { sweepId: 'sweep-1', report: null, error: cancelled })
    expect([sweeps.running, sweeps.outcomes.tile.cells.length, useNotices().notices.length]).toEqual([false, 1, 0])
    bridge.emit('sweep.progress', progressOf())
    expect(sweeps.running, 'late progress').toBe(false)
  })

  it('that fails says so, and keeps what it measured', () => {
    const { bridge, sweeps } = connect({})
    bridge.emit('sweep.progress', progressOf())
    bridge.emit('sweep.finished', { sweepId: 'sweep-1', report: null, error: { code: 'internal', message: 'the process died' } })
    expect(useNotices().notices.map(({ action, message }) => [action, message])).toEqual([['Sweep the tile sizes', 'the process died']])
    expect(sweeps.outcomes.tile.cells).toHaveLength(1)
  })

  it('that is refused leaves the earlier result on the screen', async () => {
    const { bridge, sweeps } = connect({ 'sweep.start': () => ({ ok: false, error: { code: 'invalid-input', message: 'refused' } }) })
    bridge.emit('sweep.finished', { sweepId: 'sweep-1', report: tileReport([tileCell(32, 64, 30)]), error: null })
    await sweeps.start(TILES)
    expect([sweeps.running, sweeps.activeKind, sweeps.outcomes.tile.cells.length]).toEqual([false, null, 1])
  })

  it('that ends before its start is answered does not stay active', async () => {
    const { bridge, sweeps } = connect({
      'sweep.start': () => {
        bridge.emit('sweep.finished', { sweepId: 'sweep-1', report: ringReport([ringCellOf(128)]), error: null })
        return { sweepId: 'sweep-1' }
      },
    })
    await sweeps.start(RINGS)
    expect([sweeps.running, sweeps.outcomes.ring.cells.length]).toEqual([false, 1])
  })

  it('is paused, resumed and cancelled by its id', async () => {
    const { bridge, sweeps } = connect({ 'sweep.pause': () => ({}), 'sweep.resume': () => ({}), 'sweep.cancel': () => ({}) })
    await sweeps.pause()
    expect(bridge.requests, 'nothing to pause').toEqual([])
    bridge.emit('sweep.progress', progressOf())
    await sweeps.pause()
    await sweeps.resume()
    await sweeps.cancel()
    expect(bridge.requests).toEqual((['sweep.pause', 'sweep.resume', 'sweep.cancel'] as const).map((route) => ({ route, input: { sweepId: 'sweep-1' } })))
  })

  it('of a host that was started anew can be left', async () => {
    const { bridge, sweeps } = connect({ 'sweep.cancel': () => ({ ok: false, error: { code: 'not-found', message: 'no such sweep' } }) })
    bridge.emit('sweep.progress', progressOf())
    await sweeps.cancel()
    expect([sweeps.running, sweeps.outcomes.tile.cells.length]).toEqual([false, 1])
  })
})

describe('rates of the machine', () => {
  const rates = { machineKey: 'k', measuredAt: '2026-01-01T00:00:00.000Z', roofline: ROOFLINE, attention: [], transports: [], rings: [] }

  it('are read without measuring, and measured when asked', async () => {
    const { bridge } = connect({ 'machine.rates': ({ measure }) => (measure ? rates : null) })
    const store = useRates()
    await store.load()
    expect([store.known, store.rates]).toEqual([true, null])
    const measured = store.measure()
    expect(store.measuring).toBe(true)
    await store.load()
    await measured
    expect([store.measuring, store.rates]).toEqual([false, rates])
    expect(bridge.requests.map(({ input }) => input)).toEqual([{ measure: false }, { measure: true }])
  })

  it('that cannot be measured say why, and what was known stays', async () => {
    const answers: Result<typeof rates>[] = [{ ok: true, data: rates }, { ok: false, error: { code: 'busy', message: 'a run goes on' } }]
    connect({ 'machine.rates': () => answers.shift() ?? { ok: true, data: null } })
    const store = useRates()
    await store.load()
    await store.measure()
    expect([store.error?.message, store.rates, store.measuring]).toEqual(['a run goes on', rates, false])
  })
})
