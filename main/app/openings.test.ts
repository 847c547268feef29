import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { EventName } from '../../preload/contract/events.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import type { EventFrame } from '../../preload/contract/wire.ts'
import { ringTrace } from '../comm/testing/ringTrace.ts'
import { findInstallation } from '../installation.ts'
import { queryViewport } from '../timeline/viewport.ts'
import { openTrace } from '../traces/open/openTraces.ts'
import { writeTrace } from '../traces/save/exportTrace.ts'
import { BusyError, CancelledError, ForwardedError } from './errors.ts'
import { AppEvents } from './events.ts'
import { Openings } from './openings.ts'
import { simulated, smallConfig } from './testing/runs.ts'
import { AnalysisCache } from './timelineAnalysis.ts'
import { TimelineStore } from './timelineStore.ts'

let folder: string
let heard: EventFrame[]
let timelines: TimelineStore
let openings: Openings
const log = vi.fn()
/** A thread takes its time to start and to end where many run. */
const SOON = { timeout: 20_000 }
const of = (event: EventName): EventFrame['payload'][] => heard.filter((frame) => frame.event === event).map(({ payload }) => payload)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringscope-openings-'))
  const events = new AppEvents(log)
  heard = []
  events.onAny((frame) => heard.push(frame))
  timelines = new TimelineStore(events)
  openings = new Openings({ entry: findInstallation().traceEntry, rulesDir: folder, timelines, events, log })
})
afterEach(async () => {
  await openings.dispose()
  expect(openings.threadCount).toBe(0)
  expect(log).not.toHaveBeenCalled()
  await rm(folder, { recursive: true })
})

const at = (name: string): string => join(folder, name)
async function savedRun(name: string, changes: Record<string, unknown> = {}): Promise<string> {
  await writeTrace(simulated(smallConfig(changes)), at(name))
  return at(name)
}

/** Spans that take the importer long enough to be stopped. */
async function largeTrace(name: string): Promise<string> {
  const event = (time: number): string => `{"ph":"X","cat":"kernel","name":"flash_fwd_kernel","pid":0,"tid":7,"ts":${time},"dur":5,"args":{"stream":7}}`
  await writeFile(at(name), `[${Array.from({ length: 400_000 }, (_, number) => event(number * 10)).join(',\n')}]`)
  return at(name)
}

/** Writes a ring's files. @returns their paths. */
async function ringFiles(world: number): Promise<string[]> {
  const { files } = ringTrace({ world, iterations: 1, layers: 1 })
  await Promise.all(files.map(({ name, text }) => writeFile(at(name), text)))
  return files.map(({ name }) => at(name))
}

describe('opening traces', () => {
  it('reads the ranks of a job on another thread into one timeline, whose columns both threads share', async () => {
    const paths = await ringFiles(2)
    const [summary, ...others] = await openings.open('o', paths)
    expect([others, openings.threadCount]).toEqual([[], 1])
    expect(summary).toMatchObject({ source: 'trace', ranks: [0, 1], path: folder, live: false })
    expect(summary.files.map(({ path }) => path)).toEqual(paths)
    const { timeline } = timelines.get(summary.timelineId)
    expect(timeline.spans.startNs.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(summary.spanCount).toBe(timeline.spans.count)
    const { count } = queryViewport(timeline, { startNs: summary.startNs, endNs: summary.endNs, pixels: 1000 })
    expect(count.reduce((sum, merged) => sum + merged, 0)).toBe(timeline.spans.count)
    expect(of('trace.progress')).toContainEqual(expect.objectContaining({ doing: 'matching communication' }))
  })

  it('knows what communication kernels waited for, and draws it', async () => {
    const [summary] = await openings.open('o', await ringFiles(2))
    const { timeline, owner } = timelines.get(summary.timelineId)
    const { spanIndex, count, waitShare } = queryViewport(timeline, { startNs: summary.startNs, endNs: summary.endNs, pixels: 100_000 })
    const longest = waitShare.indexOf(Math.max(...waitShare.filter((_, at) => count[at] === 1)))
    const wait = await owner.wait(spanIndex[longest])
    expect(wait?.waitNs).toBeGreaterThan(0)
    expect(waitShare[longest]).toBeCloseTo((wait?.waitNs ?? 0) / timeline.spans.durationNs[spanIndex[longest]], 9)
  })

  it('tells how far it is, and nothing after its end', async () => {
    const path = await largeTrace('large.json')
    const { size } = await stat(path)
    await openings.open('mine', [path])
    const progress = of('trace.progress')
    expect(progress[0]).toMatchObject({ openId: 'mine', totalBytes: size })
    expect(progress.at(-1)).toMatchObject({ openId: 'mine', bytesRead: size, totalBytes: size, events: 400_000 })
    expect(openings.progress).toEqual([])
    const told = progress.length
    await Promise.all(timelines.list().map(({ timelineId }) => timelines.get(timelineId).owner.search({ text: 'x', limit: 1 })))
    expect(of('trace.progress')).toHaveLength(told)
  })

  it('opens saved runs of a folder as a timeline each, on one thread that lives as long as one of them', async () => {
    await mkdir(at('runs'))
    await savedRun('runs/a.json')
    await savedRun('runs/b.json.gz', { world: 4 })
    const [first, second] = await openings.open('o', [at('runs')])
    expect([first, second]).toMatchObject([{ path: at('runs/a.json'), ranks: [0, 1] }, { path: at('runs/b.json.gz'), ranks: [0, 1, 2, 3] }])
    timelines.close(first.timelineId)
    expect((await timelines.get(second.timelineId).owner.analyze()).trace.run).toMatchObject({ config: { world: 4 } })
    expect(openings.threadCount).toBe(1)
    timelines.close(second.timelineId)
    await expect.poll(() => openings.threadCount, SOON).toBe(0)
  })

  it('reads files that are open anew under their old id, and lets the earlier thread go', async () => {
    const path = await savedRun('a.json')
    const [before] = await openings.open('o', [path])
    await savedRun('a.json', { world: 4 })
    const [after] = await openings.open('o', [path])
    expect([after.timelineId, after.ranks]).toEqual([before.timelineId, [0, 1, 2, 3]])
    await expect.poll(() => openings.threadCount, SOON).toBe(1)
    expect((await timelines.get(after.timelineId).owner.analyze()).trace.run).toMatchObject({ config: { world: 4 } })
  })

  it('goes on for several groups at once, each by its own name', async () => {
    const paths = await Promise.all([savedRun('a.json'), savedRun('b.json'), savedRun('c.json')])
    const opened = Promise.all(paths.map((path) => openings.open(path, [path])))
    await expect(openings.open(paths[0], [paths[0]])).rejects.toThrow(BusyError)
    expect((await opened).flat().map(({ path }) => path)).toEqual(paths)
  })

  it('stops in the middle: nothing is open, no thread is left, and what was open before stays', async () => {
    const [before] = await openings.open('before', [await savedRun('a.json')])
    const path = await largeTrace('large.json')
    const opening = openings.open('large', [path])
    const outcome = expect(opening).rejects.toThrow(CancelledError)
    await expect.poll(() => of('trace.progress').some((progress) => 'openId' in progress && progress.openId === 'large'), SOON).toBe(true)
    expect(openings.progress).toMatchObject([{ openId: 'large' }])
    await openings.cancel('large')
    await outcome
    expect([timelines.list().map(({ timelineId }) => timelineId), openings.threadCount, openings.progress]).toEqual([[before.timelineId], 1, []])
    await openings.cancel('large')
    expect(await openings.open('large', [path]), 'the name is free again').toMatchObject([{ spanCount: 400_000 }])
  })

  it('stops everything, and starts nothing more, when the app ends', async () => {
    const opening = openings.open('large', [await largeTrace('large.json')])
    const outcome = expect(opening).rejects.toThrow(CancelledError)
    await openings.dispose()
    await outcome
    await expect(openings.open('o', [await savedRun('a.json')])).rejects.toThrow(BusyError)
  })
})

describe('files that are no traces', () => {
  it('beside good ones are left out and told of', async () => {
    await writeFile(at('notes.json'), '{"a": 1}')
    await writeFile(at('broken.json.gz'), new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3]))
    const [summary] = await openings.open('o', [at('notes.json'), await savedRun('a.json'), at('broken.json.gz')])
    expect(summary).toMatchObject({ path: at('a.json'), ranks: [0, 1] })
    expect(of('trace.refused')).toEqual([{
      openId: 'o', files: expect.toSatisfy((files: { path: string; message: string }[]) =>
        files.map(({ path }) => path).sort().join() === [at('broken.json.gz'), at('notes.json')].join()
        && files.every(({ path, message }) => message.startsWith(path))) as unknown,
    }])
  })

  it('alone are an error that names each, and leave no thread', async () => {
    await writeFile(at('notes.json'), '{"a": 1}')
    const alone = openings.open('o', [at('notes.json')])
    await expect(alone).rejects.toThrow(ForwardedError)
    await expect(alone).rejects.toMatchObject({ error: { code: 'invalid-input', message: expect.stringMatching(/notes\.json: .*traceEvents/) as string } })
    await writeFile(at('list.json'), '5')
    await expect(openings.open('o', [at('list.json'), at('notes.json')])).rejects.toMatchObject({
      error: { code: 'invalid-input', problems: [{ path: at('list.json') }, { path: at('notes.json') }] },
    })
    expect([openings.threadCount, timelines.list(), of('trace.refused')]).toEqual([0, [], []])
  })

  it('that do not exist, and folders without any, are said to be missing', async () => {
    await expect(openings.open('o', [at('no.json')])).rejects.toMatchObject({
      error: { code: 'not-found', message: expect.stringContaining(at('no.json')) as string },
    })
    await mkdir(at('empty'))
    expect(await openings.open('o', [at('no.json'), await savedRun('a.json'), at('empty')])).toMatchObject([{ path: at('a.json') }])
    expect(of('trace.refused')).toMatchObject([{ files: [{ path: at('no.json') }, { path: at('empty') }] }])
  })

  it('lying in a folder of ours are called by their names alone', async () => {
    await mkdir(at('0123'))
    await writeFile(at('0123/notes.json'), '{"a": 1}')
    await expect(openings.open('o', [at('0123/notes.json')], folder)).rejects.toMatchObject({
      error: { message: expect.stringMatching(/^notes\.json: /) as string },
    })
    await savedRun('0123/a.json')
    const [summary] = await openings.open('o', [at('0123/a.json'), at('0123/notes.json')], folder)
    expect(summary).toMatchObject({ path: null, files: [{ path: 'a.json' }] })
    expect(of('trace.refused')).toMatchObject([{ files: [{ path: 'notes.json', message: expect.stringMatching(/^notes\.json: /) as string }] }])
    expect(JSON.stringify(heard)).not.toContain(JSON.stringify(folder).slice(1, -1))
  })

  it('lying in folders of ours are called after themselves where they have no name in common', async () => {
    const { files } = ringTrace({ world: 2, iterations: 1, layers: 1 })
    const paths = await Promise.all(files.map(async ({ text }, rank) => {
      await mkdir(at(`0${rank}`))
      await writeFile(at(`0${rank}/rank-${rank}.pt.trace.json`), text)
      return at(`0${rank}/rank-${rank}.pt.trace.json`)
    }))
    expect((await openings.open('o', paths, folder))[0].title).toBe('rank-0 … rank-1 · 2 ranks')
  })
})

describe('a timeline from a file', () => {
  const opened = async (paths: readonly string[]): Promise<TimelineSummary> => (await openings.open('o', paths))[0]

  it('is analysed, searched and saved on its own thread', async () => {
    const { timelineId } = await opened([await savedRun('a.json')])
    const { owner } = timelines.get(timelineId)
    const analyses = new AnalysisCache()
    const [analysis, same] = await Promise.all([analyses.of(timelines.get(timelineId)), analyses.of(timelines.get(timelineId))])
    expect(same).toBe(analysis)
    expect(analysis).toMatchObject({ timelineId, revision: 1, plan: { plan: { world: 2 } }, trace: { run: { config: { name: 'small' } } } })
    expect((await owner.search({ text: 'attend', limit: 3 })).spanIndex.length).toBeLessThanOrEqual(3)
    await owner.write(at('copy.json.gz'))
    expect((await openTrace(at('copy.json.gz'))).spans.count).toBe(simulated().spans.count)
    await expect(owner.write(at('no/such/folder.json'))).rejects.toMatchObject({ error: { code: 'not-found' } })
  })

  it('says of a communication kernel how waiting and transfer divide, and nothing of other spans', async () => {
    const { timelineId, spanCount } = await opened(await ringFiles(2))
    const { owner, timeline } = timelines.get(timelineId)
    const waits = await Promise.all(Array.from({ length: spanCount }, (_, span) => owner.wait(span)))
    const divided = waits.flatMap((wait, span) => (wait === null ? [] : [{ wait, durationNs: timeline.spans.durationNs[span] }]))
    expect(divided.length).toBeGreaterThan(0)
    expect(divided.length).toBeLessThan(spanCount)
    for (const { wait, durationNs } of divided) expect(wait.waitNs + wait.transferNs).toBe(durationNs)
    expect(divided.some(({ wait }) => wait.waitNs > 0 && wait.waitedFor !== null)).toBe(true)
  })

  it('is classified by the user\'s rules as they are when it is opened; a mistake in them is told with their path', async () => {
    const [path] = await ringFiles(1)
    await writeFile(at('classification.json'), '{"rules": [{"match": "(", "kind": "x", "category": "compute"}]}')
    await expect(opened([path])).rejects.toMatchObject({
      error: { code: 'invalid-input', message: expect.stringContaining(at('classification.json')) as string, problems: [{ path: 'rules[0].match' }] },
    })
    await writeFile(at('classification.json'), '{"rules": [{"match": ".", "cat": "kernel", "kind": "my kernels", "category": "memory"}]}')
    const { timelineId } = await opened([path])
    const { trace } = await timelines.get(timelineId).owner.analyze()
    expect(trace.classification).toMatchObject({ overriddenBy: at('classification.json') })
    expect(trace.classification?.kinds.map(({ kind }) => kind)).toContain('my kernels')
  })
})
