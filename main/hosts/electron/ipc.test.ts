import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bridge } from '../../../preload/contract/bridge.ts'
import type { Result } from '../../../preload/contract/envelope.ts'
import { OPEN_PATH_CHANNEL, REQUEST_CHANNEL } from '../../../preload/contract/ipc.ts'
import { ROUTES } from '../../../preload/contract/routes.ts'
import { simulated } from '../../app/testing/runs.ts'
import { openTrace } from '../../traces/open/openTraces.ts'
import { writeTrace } from '../../traces/save/exportTrace.ts'
import * as electron from './testing/electronDouble.ts'
import { type IpcPage, ipcPage } from './testing/ipcPage.ts'

vi.mock('electron', () => import('./testing/electronDouble.ts'))

describe('what only Electron has', () => {
  let folder: string
  let page: IpcPage
  let bridge: Bridge
  let tracePath: string
  let asked: string[]
  let savePath: string | null
  let chosen: string[] | null
  const data = <T>(result: Result<T>): T => {
    if (!result.ok) throw new Error(result.error.message)
    return result.data
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringscope-ipc-'))
    tracePath = join(folder, 'a.json')
    await writeTrace(simulated(), tracePath)
    asked = []
    chosen = [tracePath]
    savePath = join(folder, 'saved.json.gz')
    page = await ipcPage({
      userConfigDir: folder,
      dialogs: {
        openTraces: async () => { asked.push('open'); return chosen },
        saveTrace: async (name) => { asked.push(name); return savePath },
      },
    })
    bridge = page.bridge
  })
  afterEach(async () => {
    await page.close()
    await rm(folder, { recursive: true })
  })

  it('opens the files of the dialog, and saves to the one of the other dialog', async () => {
    const second = join(folder, 'b.json')
    await writeTrace(simulated(), second)
    chosen = [tracePath, second]
    const opened = data(await bridge.request('trace.openDialog', { openId: 'o' }))
    expect(opened).toMatchObject([{ path: tracePath, ranks: [0, 1] }, { path: second }])
    const timelineId = opened?.[0].timelineId ?? ''
    expect(await bridge.saveTrace(timelineId)).toEqual({ ok: true, data: { path: savePath } })
    expect((await openTrace(join(folder, 'saved.json.gz'))).spans.count).toBe(simulated().spans.count)
    expect(await bridge.request('timeline.list', {})).toMatchObject({ data: [{ path: savePath }, { path: second }] })
    expect(asked).toEqual(['open', expect.stringMatching(/\.json\.gz$/)])
    savePath = null
    expect(await bridge.saveTrace(timelineId)).toEqual({ ok: true, data: null })
    chosen = null
    expect(await bridge.request('trace.openDialog', { openId: 'o' })).toEqual({ ok: true, data: null })
  })

  it('opens dropped files and folders by their paths, together, and refuses what is on no disk', async () => {
    const inFolder = join(folder, 'traces')
    await mkdir(inFolder)
    await writeTrace(simulated(), join(inFolder, 'c.json'))
    const [file, dropped] = [new File([], 'a.json'), new File([], 'traces')]
    electron.droppedPaths.set(file, tracePath).set(dropped, inFolder)
    expect(data(await bridge.openFiles([file, dropped], 'o'))).toMatchObject([{ path: tracePath }, { path: join(inFolder, 'c.json') }])
    const made = new File(['{"traceEvents": []}'], 'made.json')
    expect(await bridge.openFiles([file, made], 'o')).toMatchObject({
      ok: false, error: { code: 'invalid-input', message: expect.stringContaining('made.json') as string },
    })
  })

  it('says which file is missing', async () => {
    await rm(tracePath)
    const message = expect.stringContaining(tracePath) as string
    expect(await bridge.request('trace.openDialog', { openId: 'o' })).toMatchObject({ ok: false, error: { message } })
  })

  it('gives the page exactly the bridge, and every route but the one for paths', async () => {
    expect(Object.keys(bridge).sort()).toEqual(['host', 'openFiles', 'request', 'saveTrace', 'subscribe'])
    const ask = bridge.request as (route: string, input: unknown) => Promise<{ ok: boolean; error?: { code: string } }>
    const forbidden = []
    for (const route of Object.keys(ROUTES)) {
      // A wrong input, so that nothing happens on the routes that pass.
      if ((await ask(route, 'no object')).error?.code === 'forbidden') forbidden.push(route)
    }
    expect(forbidden).toEqual(['trace.openPaths'])
  })

  const own = { sender: electron.webContents, senderFrame: electron.pageFrame }
  it.each([
    ['another window', { ...own, sender: {} }],
    ['a frame in the page', { ...own, senderFrame: { url: electron.pageFrame.url, parent: electron.pageFrame } }],
    ['a page from elsewhere', { ...own, senderFrame: { url: 'https://ringscope/index.html', parent: null } }],
    ['another host of the scheme', { ...own, senderFrame: { url: 'app://elsewhere/index.html', parent: null } }],
    ['a blank page', { ...own, senderFrame: { url: 'about:blank', parent: null } }],
    ['a frame that is gone', { ...own, senderFrame: null }],
  ])('answers nothing to %s', async (_who, sender) => {
    const refused = { ok: false, error: { code: 'forbidden' } }
    expect(await electron.invokeAs(sender, REQUEST_CHANNEL, 'app.info', {})).toMatchObject(refused)
    expect(await electron.invokeAs(sender, OPEN_PATH_CHANNEL, [tracePath], 'o')).toMatchObject(refused)
    expect(await electron.invokeAs(own, REQUEST_CHANNEL, 'app.info', {})).toMatchObject({ ok: true })
  })

  it('does not trust the path channel with anything but paths', async () => {
    for (const given of [{ path: tracePath }, tracePath, [], [5], null]) {
      expect(await electron.invokeAs(own, OPEN_PATH_CHANNEL, given, 'o'), JSON.stringify(given)).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
    }
    expect(await electron.invokeAs(own, OPEN_PATH_CHANNEL, [tracePath])).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
  })

  it('has nothing open after a file that was not a trace', async () => {
    await writeFile(tracePath, 'no trace')
    expect(await bridge.request('trace.openDialog', { openId: 'o' })).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
    expect(await bridge.request('timeline.list', {})).toEqual({ ok: true, data: [] })
  })
})
