import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bridge } from '../../../preload/contract/bridge.ts'
import { OPEN_PATH_CHANNEL, REQUEST_CHANNEL } from '../../../preload/contract/ipc.ts'
import { ROUTES } from '../../../preload/contract/routes.ts'
import { simulated } from '../../app/testing/runs.ts'
import { openTrace } from '../../traces/openTrace.ts'
import { writeTrace } from '../../traces/exportTrace.ts'
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

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringscope-ipc-'))
    tracePath = join(folder, 'a.json')
    await writeTrace(simulated(), tracePath)
    asked = []
    savePath = join(folder, 'saved.json.gz')
    page = await ipcPage({
      userConfigDir: folder,
      dialogs: {
        openTrace: async () => { asked.push('open'); return tracePath },
        saveTrace: async (name) => { asked.push(name); return savePath },
      },
    })
    bridge = page.bridge
  })
  afterEach(async () => {
    await page.close()
    await rm(folder, { recursive: true })
  })

  it('opens the file of the dialog, and saves to the one of the other dialog', async () => {
    const opened = await bridge.request('trace.openDialog', {})
    expect(opened).toMatchObject({ ok: true, data: { path: tracePath, ranks: [0, 1] } })
    const timelineId = opened.ok && opened.data !== null ? opened.data.timelineId : ''
    expect(await bridge.saveTrace(timelineId)).toEqual({ ok: true, data: { path: savePath } })
    expect((await openTrace(join(folder, 'saved.json.gz'))).spans.count).toBe(simulated().spans.count)
    expect(await bridge.request('timeline.list', {})).toMatchObject({ data: [{ path: savePath }] })
    expect(asked).toEqual(['open', expect.stringMatching(/\.json\.gz$/)])
    savePath = null
    expect(await bridge.saveTrace(timelineId)).toEqual({ ok: true, data: null })
  })

  it('opens a dropped file by its path, and one without a path by its bytes', async () => {
    const dropped = new File([], 'a.json')
    electron.droppedPaths.set(dropped, tracePath)
    expect(await bridge.openFile(dropped)).toMatchObject({ ok: true, data: { path: tracePath } })
    const made = new File(['{"traceEvents": 5}'], 'made.json')
    expect(await bridge.openFile(made)).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
  })

  it('says which file is missing', async () => {
    await rm(tracePath)
    expect(await bridge.request('trace.openDialog', {})).toMatchObject({ ok: false, error: { message: expect.stringContaining(tracePath) as string } })
  })

  it('gives the page exactly the bridge, and every route but the one for paths', async () => {
    expect(Object.keys(bridge).sort()).toEqual(['host', 'openFile', 'request', 'saveTrace', 'subscribe'])
    const ask = bridge.request as (route: string, input: unknown) => Promise<{ ok: boolean; error?: { code: string } }>
    const forbidden = []
    for (const route of Object.keys(ROUTES)) {
      // A wrong input, so that nothing happens on the routes that pass.
      if ((await ask(route, 'no object')).error?.code === 'forbidden') forbidden.push(route)
    }
    expect(forbidden).toEqual(['trace.openPath'])
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
    expect(await electron.invokeAs(sender, OPEN_PATH_CHANNEL, tracePath)).toMatchObject(refused)
    expect(await electron.invokeAs(own, REQUEST_CHANNEL, 'app.info', {})).toMatchObject({ ok: true })
  })

  it('does not trust the path channel with anything but a path', async () => {
    expect(await electron.invokeAs(own, OPEN_PATH_CHANNEL, { path: tracePath })).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
    const folderItself = await electron.invokeAs(own, OPEN_PATH_CHANNEL, folder)
    expect(folderItself).toMatchObject({ ok: false })
  })

  it('has no bytes left over from a file that was not a trace', async () => {
    await writeFile(tracePath, 'no trace')
    expect(await bridge.request('trace.openDialog', {})).toMatchObject({ ok: false, error: { code: 'invalid-input' } })
    expect(await bridge.request('timeline.list', {})).toEqual({ ok: true, data: [] })
  })
})
