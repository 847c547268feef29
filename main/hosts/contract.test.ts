import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bridge } from '../../preload/contract/bridge.ts'
import type { Result } from '../../preload/contract/envelope.ts'
import { clusterOf } from '../../preload/contract/clusterOf.ts'
import { type BridgeEvents, EVENT_NAMES, type EventName } from '../../preload/contract/events.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { createApp } from '../app/app.ts'
import { simulated, smallConfig } from '../app/testing/runs.ts'
import { nodeRankHost } from '../executor/nodeRankHost.ts'
import { findInstallation } from '../installation.ts'
import { traceBytes } from '../traces/save/exportTrace.ts'
import { droppedPaths } from './electron/testing/electronDouble.ts'
import { ipcPage } from './electron/testing/ipcPage.ts'
import { serveWeb } from './web/serve.ts'
import { sendFile, socketPage } from './web/testing/socketPage.ts'

vi.mock('electron', () => import('./electron/testing/electronDouble.ts'))

interface UserFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** One page's end of a carrier. */
interface Carrier extends Pick<Bridge, 'request' | 'subscribe'> {
  /** Opens files as when the user drops them on the page. @param folder where they lie, for hosts that get paths. */
  drop(files: readonly UserFile[], openId: string, folder: string): Promise<Result<readonly TimelineSummary[]>>
  /** Like `request`, for questions that the types do not allow. */
  ask(route: string, input: unknown): Promise<Result<unknown>>
  /** Ends the page's end, the carrier and the app behind it. */
  close(): Promise<void>
}

function dataOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`)
  return result.data
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** One rank's trace as a profiler writes it: `count` kernels of 5 µs, one every 10 µs. */
function kernelTrace(rank: number, count: number): Uint8Array {
  const events = Array.from({ length: count }, (_, at) =>
    `{"ph":"X","cat":"kernel","name":"flash_fwd_kernel","pid":0,"tid":7,"ts":${1000 + at * 10},"dur":5,"args":{"stream":7,"correlation":${at}}}`)
  return utf8(`{"distributedInfo":{"backend":"nccl","rank":${rank},"world_size":2},"traceEvents":[\n${events.join(',\n')}\n]}`)
}

/**
 * What a page may rely on, whichever way its requests travel. Run against every carrier.
 * @param makeCarrier starts an app and gives one page's end.
 */
function contractSuite(name: string, makeCarrier: (userConfigDir: string) => Promise<Carrier>): void {
  describe(`the contract over ${name}`, () => {
    let folder: string
    let page: Carrier
    let heard: { readonly event: EventName; readonly payload: unknown }[]

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'ringscope-contract-'))
      page = await makeCarrier(join(folder, 'configs'))
      heard = []
      for (const event of EVENT_NAMES) page.subscribe(event, (payload) => { heard.push({ event, payload }) })
    })
    afterEach(async () => {
      await page.close()
      await rm(folder, { recursive: true })
    })

    const of = <E extends EventName>(event: E): BridgeEvents[E][] =>
      heard.filter((entry) => entry.event === event).map(({ payload }) => payload as BridgeEvents[E])
    const next = <E extends EventName>(event: E): Promise<BridgeEvents[E]> => new Promise((resolve) => {
      const stop = page.subscribe(event, (payload) => {
        stop()
        resolve(payload)
      })
    })
    let drops = 0
    const drop = (files: readonly UserFile[], openId = `drop-${++drops}`): Promise<Result<readonly TimelineSummary[]>> =>
      page.drop(files, openId, folder)
    const savedRun = async (name = 'saved.json.gz'): Promise<UserFile> => ({ name, bytes: await traceBytes(simulated(), { gzip: true }) })
    const openTrace = async (name?: string): Promise<TimelineSummary> => dataOf(await drop([await savedRun(name)]))[0]

    it('answers with data', async () => {
      expect(await page.request('app.info', {})).toMatchObject({
        ok: true, data: { version: findInstallation().version, platform: process.platform, userConfigDir: join(folder, 'configs') },
      })
    })

    it('answers a refusal with an error and every problem, never by rejecting', async () => {
      const refused = await page.request('run.start', { config: { world: 0, seqLen: 4, heads: 1, headDim: 2, layuot: 'x' } })
      expect(refused).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
      const problems = refused.ok ? [] : refused.error.problems ?? []
      expect(problems.map(({ path }) => path).sort()).toEqual(['layuot', 'world'])
    })

    it('refuses what is no request', async () => {
      const shape = await page.ask('timeline.viewport', { timelineId: 5 })
      expect(shape).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
      expect((await page.ask('no.such.route', {})).ok).toBe(false)
      expect((await page.ask('__proto__', {})).ok).toBe(false)
    })

    it('lets no page name a path', async () => {
      const named = await page.ask('trace.openPaths', { openId: 'x', paths: [import.meta.filename] })
      expect(named).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    })

    it('gives every question its own answer, however many are under way', async () => {
      const worlds = Array.from({ length: 20 }, (_, at) => at + 1)
      const checks = await Promise.all(worlds.map((world) => page.request('config.check', { config: { ...smallConfig(), world } })))
      expect(checks.map((check) => dataOf(check).plan?.plan.world)).toEqual(worlds)
    })

    it('answers the planner\'s questions, and refuses one with problems', async () => {
      const tables = dataOf(await page.request('planner.tables', {}))
      const [accelerator] = tables.accelerators
      const cluster = clusterOf({ accelerator, link: tables.links[0], nodes: null, headDim: 64 })
      const answers = dataOf(await page.request('planner.ask', { config: smallConfig(), cluster, model: tables.models[0].sizes }))
      expect(answers.cluster).toEqual(cluster)
      expect(answers.candidates.map(({ label }) => label)).toEqual(expect.arrayContaining(['contiguous ring', 'zigzag ring']))
      const refused = await page.request('planner.ask', { config: { world: 0 }, cluster, model: null })
      expect(refused).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
      expect(dataOf(await page.request('planner.published', {})).filter(({ kind }) => kind === 'claim')).not.toEqual([])
    })

    it('opens a simulation as a timeline like any other, and refuses what cannot be simulated', async () => {
      const link = { bandwidthGBps: 1, latencyUs: 1 }
      const cluster = {
        label: 'two slow devices', elementBytes: null, intra: link, inter: null, ranksPerNode: null,
        device: { forwardGflops: 1, backwardGflops: 1, blockOverheadUs: 0, rowNs: 0, tile: null, memoryBytes: null },
      }
      const disturbance = { computeJitter: 0.1, linkJitter: 0, seed: 1, death: null, progress: 'barrier' } as const
      const { timelineId } = dataOf(await page.request('simulation.open', { config: smallConfig(), cluster, disturbance }))
      const [summary] = dataOf(await page.request('timeline.list', {}))
      expect(summary).toMatchObject({ timelineId, source: 'simulation', live: false, path: null })
      const analysis = dataOf(await page.request('timeline.analysis', { timelineId }))
      expect(analysis.trace.run).toMatchObject({ device: 'simulated, two slow devices', modelled: true })
      const dying = { ...disturbance, death: { rank: 2, step: 0 } }
      expect(await page.request('simulation.open', { config: smallConfig(), cluster, disturbance: dying }))
        .toMatchObject({ ok: false, error: { code: 'invalid-input' } })
      expect(await page.ask('simulation.open', { config: smallConfig(), cluster: { ...cluster, intra: {} }, disturbance }))
        .toMatchObject({ ok: false, error: { code: 'invalid-input' } })
      expect(dataOf(await page.request('timeline.list', {}))).toHaveLength(1)
    })

    it('lists fields and configs, checks and saves them', async () => {
      const before = dataOf(await page.request('config.list', {}))
      expect(before.fields.map(({ path }) => path)).toContain('layout')
      expect(before.configs.filter(({ source }) => source === 'user')).toEqual([])
      const saved = dataOf(await page.request('config.save', { name: 'Mine', config: smallConfig() }))
      expect(saved).toMatchObject({ id: 'user:mine', config: { name: 'Mine', world: 2 } })
      expect(dataOf(await page.request('config.list', {})).configs).toContainEqual(saved)
      const incomplete = dataOf(await page.request('config.check', { config: { world: 2 } }))
      expect([incomplete.plan, incomplete.problems.length > 0]).toEqual([null, true])
    })

    it('opens a trace, tells of it, and shows its spans as typed arrays', async () => {
      const summary = await openTrace()
      expect(summary).toMatchObject({ live: false, ranks: [0, 1], files: [{ path: expect.stringMatching(/saved\.json\.gz$/) as string }] })
      expect(summary.spanCount).toBe(simulated().spans.count)
      expect(of('timeline.changed').map((change) => change.summary)).toContainEqual(summary)

      const { timelineId, startNs, endNs } = summary
      const viewport = dataOf(await page.request('timeline.viewport', { timelineId, startNs, endNs, pixels: 2000 }))
      expect(viewport).toMatchObject({ timelineId, revision: 1 })
      expect(viewport.lane).toBeInstanceOf(Uint32Array)
      expect(viewport.category).toBeInstanceOf(Uint8Array)
      expect(viewport.depth).toBeInstanceOf(Uint8Array)
      expect(viewport.spanStartNs).toBeInstanceOf(Float64Array)
      expect(viewport.flows.fromNs).toBeInstanceOf(Float64Array)
      expect(viewport.lane.length).toBeGreaterThan(0)
      expect(viewport.count.reduce((sum, count) => sum + count, 0)).toBe(summary.spanCount)
      const oneLane = dataOf(await page.request('timeline.viewport', { timelineId, startNs, endNs, pixels: 2000, lanes: [1] }))
      expect(new Set(oneLane.lane)).toEqual(new Set([1]))

      const details = dataOf(await page.request('timeline.span', { timelineId, spanIndex: viewport.spanIndex[0] }))
      expect(details).toMatchObject({ startNs: viewport.spanStartNs[0], wait: null })
      const none = await page.request('timeline.span', { timelineId, spanIndex: summary.spanCount })
      expect(none).toMatchObject({ ok: false, error: { code: 'not-found' } })
    })

    it('opens the ranks of one job as one timeline, and tells how far it is', async () => {
      const files = [0, 1].map((rank) => ({ name: `rank-${rank}.json.gz`, bytes: gzipSync(kernelTrace(rank, 100)) }))
      const [summary, ...others] = dataOf(await drop(files, 'my opening'))
      expect(others).toEqual([])
      expect(summary).toMatchObject({ source: 'trace', ranks: [0, 1], spanCount: 200, run: null })
      expect(summary.files.map(({ path }) => path)).toEqual([expect.stringMatching(/rank-0\.json\.gz$/), expect.stringMatching(/rank-1\.json\.gz$/)])
      const progress = of('trace.progress')
      expect(progress.length).toBeGreaterThan(0)
      expect(new Set(progress.map(({ openId }) => openId))).toEqual(new Set(['my opening']))
      expect(progress.every(({ bytesRead, totalBytes }) => bytesRead <= totalBytes)).toBe(true)
      // A page knows files by the names it gave them.
      expect(progress.map(({ doing }) => doing).join()).not.toMatch(/[0-9a-f]{32}/)
    })

    it('finds spans by name and by argument, and sums up a selection', async () => {
      const [{ timelineId }] = dataOf(await drop([{ name: 'rank-0.json', bytes: kernelTrace(0, 50_000) }]))
      const found = dataOf(await page.request('timeline.search', { timelineId, text: 'flash_fwd', limit: 100_000 }))
      expect(found).toMatchObject({ timelineId, total: 50_000 })
      expect(found.spanIndex).toBeInstanceOf(Uint32Array)
      expect([found.spanIndex.length, found.startNs.at(-1), found.durationNs.at(-1)]).toEqual([50_000, 499_990_000, 5000])
      const one = dataOf(await page.request('timeline.search', { timelineId, text: '49999', limit: 5 }))
      expect([one.total, [...one.startNs]]).toEqual([1, [499_990_000]])

      const selection = dataOf(await page.request('timeline.selection', { timelineId, startNs: 2000, endNs: 12_000 }))
      expect(selection).toMatchObject({
        timelineId, spanCount: 2, rows: [{ name: 'flash_fwd_kernel', category: 'compute', count: 2, totalNs: 5000, longestNs: 3000 }], moreRows: 0,
      })
    })

    it('opens what can be opened of a group, and says what cannot before it answers', async () => {
      const answer = drop([{ name: 'notes.json', bytes: utf8('{"a": 1}') }, { name: 'rank-0.json', bytes: kernelTrace(0, 10) }], 'half')
      expect(dataOf(await answer)).toMatchObject([{ spanCount: 10 }])
      const wrong = { path: expect.stringMatching(/notes\.json$/) as string, message: expect.stringContaining('traceEvents') as string }
      expect(of('trace.refused')).toEqual([{ openId: 'half', files: [wrong] }])
    })

    it('opens two groups at the same time', async () => {
      const [first, second] = await Promise.all([drop([await savedRun('a.json.gz')]), drop([{ name: 'b.json', bytes: kernelTrace(0, 1000) }])])
      expect([dataOf(first), dataOf(second)]).toMatchObject([[{ ranks: [0, 1] }], [{ spanCount: 1000 }]])
      expect(dataOf(await page.request('timeline.list', {}))).toHaveLength(2)
    })

    it('cancels an opening, which leaves nothing open', async () => {
      const begun = next('trace.progress')
      const opening = drop([{ name: 'large.json', bytes: kernelTrace(0, 300_000) }], 'large')
      await begun
      expect(await page.request('trace.cancelOpen', { openId: 'large' })).toEqual({ ok: true, data: {} })
      expect(await opening).toMatchObject({ ok: false, error: { code: 'cancelled' } })
      expect(dataOf(await page.request('timeline.list', {}))).toEqual([])
      expect(await page.request('trace.cancelOpen', { openId: 'large' }), 'again').toEqual({ ok: true, data: {} })
    })

    it('analyses an open trace, theory beside it', async () => {
      const { timelineId } = await openTrace()
      const analysis = dataOf(await page.request('timeline.analysis', { timelineId }))
      expect(analysis).toMatchObject({ timelineId, revision: 1, plan: { plan: { world: 2 } }, trace: { run: { config: { name: 'small' } } } })
      expect(analysis.finding).not.toBe('')
    })

    it('compares open timelines: the first is the base, whichever threads hold them', async () => {
      const base = await openTrace('base.json.gz')
      const slower = dataOf(await drop([{ name: 'slower.json.gz', bytes: await traceBytes(simulated(smallConfig({ layout: 'contiguous', seqLen: 128 })), { gzip: true }) }]))[0]
      const kernels = dataOf(await drop([{ name: 'kernels.json', bytes: kernelTrace(0, 8) }]))[0]
      const timelineIds = [base, slower, kernels].map(({ timelineId }) => timelineId)
      const comparison = dataOf(await page.request('compare.timelines', { timelineIds }))
      expect(comparison.sources.map(({ id, kind, windowKind }) => [id, kind, windowKind])).toEqual([
        [timelineIds[0], 'simulation', 'whole'], [timelineIds[1], 'simulation', 'whole'], [timelineIds[2], 'trace', 'whole'],
      ])
      expect(comparison.metrics.find(({ id }) => id === 'makespan')?.deltas).toMatchObject([null, { significant: null }, {}])
      expect(comparison.verdicts.map(({ source, change }) => [source, change])).toEqual([[1, 'unclear'], [2, 'unclear']])
      expect(comparison.warnings.join('\n')).toContain('other shape: seqLen 128 against 64')

      const [again] = dataOf(await page.request('compare.timelines', { timelineIds: [timelineIds[0], timelineIds[0]] })).verdicts
      expect(again.change).toBe('same')
      expect(await page.request('compare.timelines', { timelineIds: [timelineIds[0], 'gone'] })).toMatchObject({ ok: false, error: { code: 'not-found' } })
      expect(await page.ask('compare.timelines', { timelineIds: [timelineIds[0]] })).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
    })

    it('gives a trace back as bytes that open again to the same', async () => {
      const first = await openTrace()
      const { fileName, bytes } = dataOf(await page.request('trace.export', { timelineId: first.timelineId, gzip: true }))
      expect(bytes).toBeInstanceOf(Uint8Array)
      expect(fileName).toMatch(/^[a-z0-9-]+\.json\.gz$/)
      expect(JSON.parse(gunzipSync(bytes).toString())).toHaveProperty('traceEvents')
      const [again] = dataOf(await drop([{ name: fileName, bytes }]))
      expect(again).toMatchObject({ spanCount: first.spanCount, startNs: first.startNs, endNs: first.endNs, lanes: first.lanes })
    })

    it('packs a folder that runs a config on a cluster, and refuses a config that is none', async () => {
      const { fileName, bytes } = dataOf(await page.request('cluster.export', { config: { ...smallConfig(), name: 'My ring' } }))
      expect(fileName).toBe('my-ring-cluster.tar.gz')
      expect(bytes).toBeInstanceOf(Uint8Array)
      expect(gunzipSync(bytes).toString('latin1')).toContain('my-ring-cluster/ring_attention.py')
      expect(await page.ask('cluster.export', { config: { world: 0 } })).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
    })

    it('refuses files that are no traces, and says why of each', async () => {
      const notes = { name: 'notes.txt', bytes: utf8('hello') }
      expect(await drop([notes])).toMatchObject({ ok: false, error: { code: 'invalid-input', message: expect.stringContaining('notes.txt') as string } })
      const both = await drop([notes, { name: 'list.json', bytes: utf8('{}') }])
      expect(both).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
      const problems = both.ok ? [] : both.error.problems ?? []
      expect(problems.map(({ path }) => path.replace(/^.*[/\\]/, '')).sort()).toEqual(['list.json', 'notes.txt'])
      expect(of('trace.refused')).toEqual([])
    })

    it('lists open timelines and forgets closed ones', async () => {
      const { timelineId } = await openTrace()
      expect(dataOf(await page.request('timeline.list', {})).map((summary) => summary.timelineId)).toEqual([timelineId])
      const closed = next('timeline.closed')
      expect(await page.request('timeline.close', { timelineId })).toEqual({ ok: true, data: {} })
      expect(await closed).toEqual({ timelineId })
      expect(dataOf(await page.request('timeline.list', {}))).toEqual([])
      expect(await page.request('timeline.analysis', { timelineId })).toMatchObject({ ok: false, error: { code: 'not-found' } })
    })

    it('runs a ring: live timeline, progress, figures', async () => {
      const finished = next('run.finished')
      const started = dataOf(await page.request('run.start', { config: smallConfig({ iterations: 3 }) }))
      expect(await page.request('run.start', { config: smallConfig() })).toMatchObject({ ok: false, error: { code: 'busy' } })
      expect(await finished).toMatchObject({ ...started, error: null, result: { modelled: true, hops: 1, failure: null } })
      expect(of('run.progress').at(-1)).toMatchObject({ ...started, phase: 'finished' })
      const changes = of('timeline.changed').map(({ summary }) => summary)
      expect(changes[0]).toMatchObject({ timelineId: started.timelineId, live: true })
      expect(changes.at(-1)).toMatchObject({ timelineId: started.timelineId, live: false, source: 'run' })
      const analysis = dataOf(await page.request('timeline.analysis', { timelineId: started.timelineId }))
      expect(analysis.trace.run?.makespanMs).toBeGreaterThan(0)
    })

    it('cancels a ring in the middle and keeps what it measured', async () => {
      const finished = next('run.finished')
      const config = smallConfig({ iterations: 10_000, model: { gflops: 0.0001 } })
      const { runId, timelineId } = dataOf(await page.request('run.start', { config }))
      await next('run.progress')
      expect(await page.request('run.cancel', { runId })).toEqual({ ok: true, data: {} })
      expect(await finished).toMatchObject({ runId, error: null, result: { failure: { kind: 'cancelled' } } })
      expect(dataOf(await page.request('timeline.list', {}))).toMatchObject([{ timelineId, live: false }])
    })

    it('sweeps tile sizes: progress, report', async () => {
      const finished = next('sweep.finished')
      const config = { ...smallConfig(), backend: 'tfjs-cpu', model: null, world: 1 }
      const ask = { kind: 'tile' as const, config, blockQ: [32, 64], blockK: [64], axes: [], repeats: 1, fresh: false }
      const { sweepId } = dataOf(await page.request('sweep.start', ask))
      expect(await page.request('run.start', { config: smallConfig() })).toMatchObject({ ok: false, error: { code: 'busy' } })
      const { report, error } = await finished
      expect(error).toBeNull()
      expect(report).toMatchObject({ kind: 'tile', cells: [{ blockQ: 32, blockK: 64, passed: true }, { blockQ: 64, blockK: 64, passed: true }] })
      expect(of('sweep.progress').at(-1)).toMatchObject({ sweepId, done: 4, total: 4 })
      const refused = await page.request('sweep.start', { ...ask, config: smallConfig() })
      expect(refused).toMatchObject({ ok: false, error: { code: 'invalid-input', problems: [{ path: 'backend' }] } })
    })

    it('sweeps whole rings; pauses, resumes and cancels with what was measured so far', async () => {
      const finished = next('sweep.finished')
      // One rank: a ring's rates need not be measured before.
      const config = smallConfig({ world: 1, iterations: 1 })
      const axes = [{ path: 'seqLen', values: [64, 128] }]
      const { sweepId } = dataOf(await page.request('sweep.start', { kind: 'ring', config, axes, repeats: 1000, fresh: true }))
      const progress = async (condition: (now: BridgeEvents['sweep.progress']) => boolean): Promise<void> => {
        while (!condition(await next('sweep.progress'))) continue
      }
      await progress(({ kind, ringCells }) => kind === 'ring' && ringCells.length > 0)
      const paused = progress((now) => now.paused)
      expect(await page.request('sweep.pause', { sweepId })).toEqual({ ok: true, data: {} })
      await paused
      const resumed = progress((now) => !now.paused)
      expect(await page.request('sweep.resume', { sweepId })).toEqual({ ok: true, data: {} })
      await resumed
      expect(await page.request('sweep.cancel', { sweepId })).toEqual({ ok: true, data: {} })
      expect(await finished).toMatchObject({ sweepId, error: null, report: { kind: 'ring', modelled: true, axes } })
      expect(await page.request('sweep.pause', { sweepId: 'sweep-99' })).toMatchObject({ ok: false, error: { code: 'not-found' } })
    })

    it('tells nothing more after the end of a subscription', async () => {
      let told = 0
      const stop = page.subscribe('timeline.changed', () => { told++ })
      await openTrace('first.json.gz')
      expect(told).toBe(1)
      stop()
      await openTrace('second.json.gz')
      expect(told).toBe(1)
      expect(of('timeline.changed')).toHaveLength(2)
    })
  })
}

type Ask = Carrier['ask']

contractSuite('memory', async (userConfigDir) => {
  const app = createApp({ installation: findInstallation(), rankHost: nodeRankHost(), host: 'web', dialogs: null, userConfigDir })
  const ask: Ask = (route, input) => app.router.handle(route, input, { trusted: false })
  // The router answers every route with its own output type.
  const request = ask as Bridge['request']
  return {
    ask, request,
    subscribe: (event, listener) => app.events.on(event, listener),
    async drop(files, openId) {
      const sent = await Promise.all(files.map(({ name, bytes }) => app.uploads.receive(name, Readable.from([bytes]))))
      return request('trace.openUploads', { openId, uploadIds: sent.map(({ uploadId }) => uploadId) })
    },
    close: () => app.dispose(),
  }
})

contractSuite('Electron\'s IPC', async (userConfigDir) => {
  const { bridge, close } = await ipcPage({ userConfigDir })
  return {
    request: bridge.request, subscribe: bridge.subscribe, ask: bridge.request as Ask, close,
    async drop(files, openId, folder) {
      const dropped = await Promise.all(files.map(async ({ name, bytes }) => {
        const file = new File([], name)
        droppedPaths.set(file, join(folder, name))
        await writeFile(join(folder, name), bytes)
        return file
      }))
      return bridge.openFiles(dropped, openId)
    },
  }
})

describe('over the network', () => {
  let rendererDir: string
  beforeAll(async () => {
    rendererDir = await mkdtemp(join(tmpdir(), 'ringscope-page-'))
    await writeFile(join(rendererDir, 'index.html'), '<!doctype html>')
  })
  afterAll(() => rm(rendererDir, { recursive: true }))

  contractSuite('a WebSocket', async (userConfigDir) => {
    const host = await serveWeb({ installation: { ...findInstallation(), rendererDir }, port: 0, userConfigDir })
    const page = await socketPage(host.url)
    return {
      ...page, close: () => host.close(),
      async drop(files, openId) {
        const sent = await Promise.all(files.map(({ name, bytes }) => sendFile(host.url, name, bytes)))
        return page.request('trace.openUploads', { openId, uploadIds: sent.map((answer) => dataOf(answer).uploadId) })
      },
    }
  })
})
