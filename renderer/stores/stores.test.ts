import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConfigEntry, ConfigField, RunConfig } from '../../preload/contract/config.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import type { Result } from '../../preload/contract/envelope.ts'
import type { RunResult } from '../../preload/contract/run.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { provideBridge } from '../bridge/current.ts'
import { memoryBridge, type MemoryBridge, type RouteHandlers } from '../bridge/memoryBridge.ts'
import { useConfigs } from './configs.ts'
import { droppedFiles } from './droppedFiles.ts'
import { useNotices } from './notices.ts'
import { useOpenings } from './openings.ts'
import { useRuns } from './runs.ts'
import { useShell } from './shell.ts'
import { timelineNames, useTimelines } from './timelines.ts'

function connect(handlers: RouteHandlers): MemoryBridge {
  const bridge = memoryBridge(handlers)
  provideBridge(bridge)
  return bridge
}

beforeEach(() => {
  setActivePinia(createPinia())
  sessionStorage.clear()
})

const summary = (timelineId: string, change: Partial<TimelineSummary> = {}): TimelineSummary => ({
  timelineId, title: timelineId, source: 'run', live: false, path: null, spanCount: 1, startNs: 0, endNs: 1, busyNs: { startNs: 0, endNs: 1 },
  ranks: [0], lanes: [], run: null, files: [], clock: null, ...change,
})
// Stores pass these through without looking inside.
const plan = { plan: { world: 2 } } as unknown as PlanReport
const result = (failure: RunResult['failure'] = null): RunResult => ({ failure }) as unknown as RunResult

const config = (change: Partial<RunConfig>): RunConfig =>
  ({ name: 'x', world: 2, seqLen: 64, heads: 1, headDim: 8, batch: 1, iterations: 1, warmup: 0, backend: 'wasm', ...change }) as RunConfig
const entry = (id: string, change: Partial<RunConfig> | null): ConfigEntry => ({
  id, source: 'fixture', group: 'Examples', fileName: `${id}.json`, config: change === null ? null : config(change),
  problems: change === null ? [{ path: 'world', expected: 'an integer', given: 'nothing' }] : [],
})
const FIELDS: ConfigField[] = [
  { path: 'world', label: 'Ranks', group: 'Parallelism', kind: 'integer', help: '' },
  { path: 'blockQ', label: 'Query block', group: 'Kernel', kind: 'integer', help: '' },
]

describe('configs', () => {
  it('start with the first one that is accepted', async () => {
    connect({ 'config.list': () => ({ fields: FIELDS, configs: [entry('refused', null), entry('b', {}), entry('a', {})] }), 'config.check': () => ({ problems: [], plan }) })
    const configs = useConfigs()
    await configs.load()
    expect(configs.selectedId).toBe('b')
  })

  it('are ready once the check accepted them, and not while an edit is unchecked', async () => {
    const checks: unknown[] = []
    connect({
      'config.list': () => ({ fields: FIELDS, configs: [entry('a', {})] }),
      'config.check': ({ config: checked }) => {
        checks.push(checked)
        const bad = (checked as { world: unknown }).world === 'no'
        return bad ? { problems: [{ path: 'world', expected: 'an integer', given: '"no"' }], plan: null } : { problems: [], plan }
      },
    })
    const configs = useConfigs()
    await configs.load()
    await vi.waitFor(() => expect(configs.ready).toBe(true))
    configs.setFields({ world: 'no' })
    expect(configs.ready).toBe(false)
    await vi.waitFor(() => expect(configs.sortedProblems.byField.has('world')).toBe(true))
    expect(configs.ready).toBe(false)
    configs.setFields({ world: '3' })
    await vi.waitFor(() => expect(configs.ready).toBe(true))
    expect(checks.at(-1)).toEqual({ world: 3 })
  })

  it('ignore the answer to a check that a newer edit has overtaken', async () => {
    const answers: ((answer: { problems: []; plan: PlanReport }) => void)[] = []
    connect({
      'config.list': () => ({ fields: FIELDS, configs: [entry('a', {})] }),
      'config.check': () => new Promise((resolve) => answers.push(resolve)),
    })
    const configs = useConfigs()
    await configs.load()
    await vi.waitFor(() => expect(answers).toHaveLength(1))
    configs.setFields({ world: '4' })
    answers[0]({ problems: [], plan })
    await Promise.resolve()
    expect(configs.plan).toBeNull()
  })

  it('of a refused file show its problems and cannot be run', async () => {
    connect({ 'config.list': () => ({ fields: FIELDS, configs: [entry('bad', null)] }) })
    const configs = useConfigs()
    await configs.load()
    expect(configs.selectedId).toBe('bad')
    expect(configs.problems).toHaveLength(1)
    expect(configs.ready).toBe(false)
  })
})

describe('runs', () => {
  const ids = { runId: 'r1', timelineId: 't1' }
  const progress = { ...ids, phase: 'measuring' as const, steps: 2, iterations: 3, ranks: [] }

  it('go from starting over progress to a result', async () => {
    const bridge = connect({ 'run.start': () => ids })
    const runs = useRuns()
    runs.listen()
    expect(runs.status).toBe('idle')
    const started = runs.start({})
    expect(runs.status).toBe('starting')
    await started
    bridge.emit('run.progress', progress)
    expect(runs.status).toBe('measuring')
    expect(useTimelines().currentId).toBe('t1')
    bridge.emit('run.finished', { ...ids, result: result(), error: null })
    expect([runs.status, runs.running]).toEqual(['finished', false])
  })

  it('that end before the start is answered do not stay active', async () => {
    const bridge = connect({
      'run.start': () => {
        bridge.emit('run.finished', { ...ids, result: result(), error: null })
        return ids
      },
    })
    const runs = useRuns()
    runs.listen()
    await runs.start({})
    expect([runs.status, runs.running]).toEqual(['finished', false])
  })

  it('started elsewhere are followed, and late progress of an ended one is ignored', () => {
    const bridge = connect({})
    const runs = useRuns()
    runs.listen()
    bridge.emit('run.progress', progress)
    expect(runs.active).toEqual(expect.objectContaining(ids))
    bridge.emit('run.finished', { ...ids, result: result(), error: null })
    bridge.emit('run.progress', progress)
    expect(runs.active).toBeNull()
  })

  it('say how they ended', () => {
    const bridge = connect({})
    const runs = useRuns()
    runs.listen()
    const failure = { kind: 'cancelled' as const, rank: null, iteration: null, step: null, lastSpan: null, message: '' }
    bridge.emit('run.finished', { ...ids, result: result(failure), error: null })
    expect(runs.status).toBe('cancelled')
    bridge.emit('run.finished', { ...ids, runId: 'r2', result: result({ ...failure, kind: 'crashed' }), error: null })
    expect(runs.status).toBe('failed')
  })

  it('that are refused leave an error on the screen', async () => {
    connect({ 'run.start': () => ({ ok: false, error: { code: 'busy', message: 'another run goes on' } }) })
    const runs = useRuns()
    await runs.start({})
    expect(runs.running).toBe(false)
    expect(useNotices().notices.map(({ action, message }) => [action, message])).toEqual([['Start the run', 'another run goes on']])
  })
})

describe('timelines', () => {
  it('follow their changes, and the next one is current when one is closed', () => {
    const bridge = connect({})
    const timelines = useTimelines()
    timelines.listen()
    bridge.emit('timeline.changed', { summary: summary('a'), revision: 1 })
    bridge.emit('timeline.changed', { summary: summary('b', { live: true }), revision: 1 })
    expect(timelines.currentId).toBe('b')
    bridge.emit('timeline.changed', { summary: summary('b', { spanCount: 9 }), revision: 7 })
    expect([timelines.current?.spanCount, timelines.revision]).toEqual([9, 7])
    bridge.emit('timeline.closed', { timelineId: 'b' })
    expect(timelines.currentId).toBe('a')
  })
})

describe('openings', () => {
  const file = (name: string): File => new File(['{}'], name)
  const progress = (openId: string, bytesRead: number) => ({ openId, doing: 'reading rank-0.json', bytesRead, totalBytes: 4, events: 7 })

  it('of several files are one; what it brought is listed, and the first of it shown', async () => {
    const bridge = connect({ 'trace.openUploads': () => [summary('a', { source: 'trace' }), summary('b', { source: 'trace' })] })
    await useOpenings().openFiles([file('rank-0.json'), file('rank-1.json')])
    expect(bridge.requests).toEqual([{ route: 'trace.openUploads', input: { openId: expect.any(String), uploadIds: ['rank-0.json', 'rank-1.json'] } }])
    const timelines = useTimelines()
    expect([timelines.list.length, timelines.currentId, useShell().view]).toEqual([2, 'a', 'timeline'])
  })

  it('show how far they are, each for itself, until they are done', async () => {
    const done: (() => void)[] = []
    const bridge = connect({ 'trace.openUploads': () => new Promise((resolve) => done.push(() => resolve([]))) })
    const openings = useOpenings()
    openings.listen()
    const first = openings.openFiles([file('a.json')])
    const second = openings.openFiles([file('b.json'), file('c.json')])
    expect(openings.shown.map(({ title }) => title)).toEqual(['a.json', '2 files'])
    bridge.emit('trace.progress', progress(openings.openings[1].openId, 3))
    expect(openings.shown.map((opening) => opening.progress?.bytesRead)).toEqual([0, 3])
    done[1]()
    await second
    expect(openings.shown.map(({ title }) => title)).toEqual(['a.json'])
    done[0]()
    await first
    expect(openings.openings).toEqual([])
  })

  it('that fail say what could not be opened', async () => {
    connect({
      'trace.openUploads': () => ({
        ok: false, error: { code: 'invalid-input', message: 'no trace', problems: [{ path: 'traceEvents', expected: 'an array', given: 'nothing' }] },
      }),
    })
    await useOpenings().openFiles([file('bad.json')])
    expect(useNotices().notices[0]).toMatchObject({ action: 'Open bad.json', message: 'no trace', problems: [{ path: 'traceEvents' }] })
    expect(useOpenings().openings).toEqual([])
  })

  it('that are cancelled end without an error', async () => {
    let end: (answer: Result<never>) => void = () => undefined
    const bridge = connect({
      'trace.openUploads': () => new Promise<Result<never>>((resolve) => { end = resolve }),
      'trace.cancelOpen': () => {
        end({ ok: false, error: { code: 'cancelled', message: 'cancelled' } })
        return {}
      },
    })
    const openings = useOpenings()
    const opened = openings.openFiles([file('big.json')])
    await openings.cancel(openings.openings[0].openId)
    await opened
    expect(bridge.requests.at(-1)?.route).toBe('trace.cancelOpen')
    expect([openings.openings.length, useNotices().notices.length]).toEqual([0, 0])
  })

  it('by a dialog show nothing until the other side has begun to read', async () => {
    const bridge = connect({
      'trace.openDialog': ({ openId }) => {
        expect(openings.shown).toEqual([])
        bridge.emit('trace.progress', progress(openId, 1))
        expect(openings.shown).toHaveLength(1)
        return null
      },
    })
    const openings = useOpenings()
    openings.listen()
    await openings.openWithDialog()
    expect([openings.openings.length, useTimelines().list.length]).toEqual([0, 0])
  })
})

describe('what is dropped', () => {
  const file = (name: string): File => new File(['{}'], name)
  const fileEntry = (name: string) => ({ isDirectory: false, name, file: (resolve: (file: File) => void) => resolve(file(name)) })
  /** A folder whose reader gives two entries at a time, as browsers give a hundred. */
  const folder = (name: string, entries: readonly object[]) => ({
    isDirectory: true, name,
    createReader() {
      let at = 0
      return { readEntries: (resolve: (entries: readonly object[]) => void) => resolve(entries.slice(at, at += 2)) }
    },
  })
  const dropped = async (items: readonly (readonly [File | null, object | null])[]): Promise<string[]> => (await droppedFiles({
    items: items.map(([item, entry]) => ({ kind: 'file', getAsFile: () => item, webkitGetAsEntry: () => entry })),
  } as unknown as DataTransfer)).map(({ name }) => name)

  it('is opened whatever its name', async () => {
    expect(await dropped([[file('trace.txt'), fileEntry('trace.txt')], [file('made by the page'), null]])).toEqual(['trace.txt', 'made by the page'])
  })
  it('as a folder brings the traces in it and below, by name', async () => {
    const entries = [fileEntry('rank-10.json'), fileEntry('rank-2.json.gz'), fileEntry('notes.txt'), folder('more', [fileEntry('x.JSON')])]
    expect(await dropped([[null, folder('job', entries)]])).toEqual(['x.JSON', 'rank-2.json.gz', 'rank-10.json'])
  })
})

describe('the names of timelines', () => {
  it('say what each is, and number those that would read alike', () => {
    const list = [
      summary('a', { title: 'ring' }), summary('b', { title: 'ring' }), summary('c', { title: 'ring', source: 'trace' }),
      summary('d', { title: 'ring', live: true }), summary('e', { title: 'ring (simulated)', source: 'simulation' }),
    ]
    expect([...timelineNames(list).values()]).toEqual(['ring, no. 1', 'ring, no. 2', 'ring (trace)', 'ring (running)', 'ring (simulated)'])
  })
})
