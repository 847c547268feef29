import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { REQUEST_CHANNEL, OPEN_PATH_CHANNEL } from '../preload/contract/ipc.ts'
import { startOverDouble, type DoubleApp } from './support/electronDouble.ts'
import { root, temporaryFolder } from './support/paths.ts'
import { canListProcesses, descendants, survivors } from './support/processTree.ts'
import { RingscopePage } from './support/ringscopePage.ts'

const sampleTrace = (): string => join(root, 'fixtures/traces', readdirSync(join(root, 'fixtures/traces')).sort()[0])

async function start(args: readonly string[] = []): Promise<DoubleApp & { readonly app: RingscopePage }> {
  const double = await startOverDouble(args)
  return { ...double, app: new RingscopePage(double.page) }
}

/** Nothing went wrong in the window and nothing left it. */
async function expectClean({ command }: DoubleApp): Promise<void> {
  const { pageErrors, strayRequests, openedExternally } = await command('state')
  expect({ pageErrors, strayRequests, openedExternally }).toEqual({ pageErrors: [], strayRequests: [], openedExternally: [] })
}

describe('the built Electron app, over a double of the electron module', () => {
  it('opens one isolated, sandboxed window on its own scheme', async () => {
    const double = await start()
    await double.app.part('start-run').waitFor()
    const { window, url, schemes, visible } = await double.command('state')
    expect(url).toMatch(/^app:\/\/ringscope\//)
    expect(window.webPreferences).toMatchObject({ contextIsolation: true, sandbox: true, nodeIntegration: false })
    expect(schemes).toMatchObject({ app: { standard: true, secure: true } })
    await expect.poll(async () => (await double.command('state')).visible).toBe(true)
    expect(typeof visible).toBe('boolean')
    await expectClean(double)
  })

  it('gives the page the bridge and nothing else of Electron or Node', async () => {
    const { page } = await start()
    const seen = await page.evaluate(() => ({
      bridge: Object.keys((globalThis as { ringscope?: object }).ringscope ?? {}).sort(),
      leaks: ['require', 'process', 'module', 'Buffer', 'electronDouble', 'electron', 'ipcRenderer'].filter((name) => name in globalThis),
    }))
    expect(seen.bridge).toEqual(['host', 'openFiles', 'request', 'saveTrace', 'subscribe'])
    expect(seen.leaks).toEqual([])
  })

  it('runs a ring of utility processes and shows it', async () => {
    const double = await start()
    const { app, program } = double
    await app.pickConfig(/2 ranks, zigzag/)
    await app.runToEnd()
    expect(await app.text('verification')).toBe('Verification passed')
    await app.show('timeline')
    expect(await app.drawnSpans()).toBeGreaterThan(10)
    await app.show('imbalance')
    await app.part('idle-chart').locator('canvas').first().waitFor()
    if (canListProcesses) expect(descendants(program.pid).filter(({ command }) => command.includes('rank.js'))).toEqual([])
    await expectClean(double)
  })

  it('saves through the save dialog and opens through the open dialog, from the menu', async () => {
    const double = await start()
    const { app, command } = double
    await app.pickConfig(/2 ranks, contiguous/)
    await app.runToEnd()
    const saved = join(temporaryFolder(), 'saved.json.gz')
    await command('answerSaveDialog', saved)
    await command('clickMenu', 'File', 'Save trace…')
    await expect.poll(() => existsSync(saved), { timeout: 20_000 }).toBe(true)
    const trace = JSON.parse(gunzipSync(readFileSync(saved)).toString()) as { traceEvents: unknown[] }
    expect(trace.traceEvents.length).toBeGreaterThan(10)

    await app.show('timeline')
    const iterations = await app.iterationTimes()
    await command('answerOpenDialog', saved)
    await command('clickMenu', 'File', 'Open trace…')
    await expect.poll(async () => (await command('state')).dialogs.map(({ kind }) => kind)).toEqual(['save', 'open'])
    await app.drawnSpans()
    expect(await app.iterationTimes()).toEqual(iterations)
    await expectClean(double)
  })

  it('changes nothing when the user cancels a dialog', async () => {
    const double = await start([sampleTrace()])
    await double.app.show('timeline')
    await double.app.drawnSpans()
    const title = await double.app.finding()
    await double.command('clickMenu', 'File', 'Open trace…')
    await expect.poll(async () => (await double.command('state')).dialogs.length).toBe(1)
    expect(await double.app.finding()).toBe(title)
    expect(await double.app.part('error-panel').count()).toBe(0)
    await expectClean(double)
  })

  it('shows the view that the menu names', async () => {
    const double = await start()
    await double.app.part('start-run').waitFor()
    await double.command('clickMenu', 'View', 'Machine')
    await double.app.part('start-run').waitFor({ state: 'hidden' })
    await double.command('clickMenu', 'View', 'Trace')
    await expect.poll(() => double.app.part('view-trace').getAttribute('aria-current')).toBeTruthy()
    await double.command('clickMenu', 'View', 'Run')
    await double.app.part('start-run').waitFor()
    await expectClean(double)
  })

  it('opens traces named on the command line, by a second start and by dropping a file', async () => {
    const double = await start([sampleTrace()])
    const { app, command, page } = double
    expect(await app.drawnSpans()).toBeGreaterThan(0)
    const copy = join(temporaryFolder(), 'second.json')
    writeFileSync(copy, JSON.stringify({ traceEvents: [
      { ph: 'X', pid: 0, tid: 0, ts: 0, dur: 10, name: 'matmul' }, { ph: 'X', pid: 1, tid: 0, ts: 5, dur: 10, name: 'matmul' },
    ] }))
    const title = await app.finding()
    await command('openSecondInstance', ['electron', root, 'second.json'], join(copy, '..'))
    await expect.poll(() => app.finding()).not.toBe(title)
    // The preload asks Electron for the dropped file's path; the bytes here are no trace, so only the path can work.
    await command('nameFile', 'dropped.json', copy)
    const before = await page.getByTestId('error-panel').count()
    await app.drop([{ name: 'dropped.json', bytes: new Uint8Array([1]) }])
    await expect.poll(() => app.drawnSpans()).toBe(2)
    expect(await page.getByTestId('error-panel').count()).toBe(before)
    await expectClean(double)
  })

  it('opens several files and folders together: from the dialog, by dropping, and from the command line', async () => {
    const folder = temporaryFolder()
    const ranks = [0, 1, 2].map((rank) => {
      const path = join(folder, `rank-${rank}.json`)
      writeFileSync(path, JSON.stringify({ distributedInfo: { rank, world_size: 3 }, traceEvents: [
        { ph: 'X', cat: 'kernel', pid: 0, tid: 7, ts: 10, dur: 5, name: 'flash_fwd_kernel', args: { stream: 7 } },
      ] }))
      return path
    })
    const double = await start([ranks[0], ranks[1]])
    const { app, command } = double
    expect(await app.drawnSpans()).toBe(2)
    await command('answerOpenDialog', ...ranks)
    await command('clickMenu', 'File', 'Open trace…')
    await expect.poll(() => app.drawnSpans()).toBe(3)
    const { dialogs } = await command('state')
    expect(dialogs).toMatchObject([{ options: { properties: expect.arrayContaining(['openFile', 'multiSelections']) as unknown } }])
    // Opened with other files it is another timeline: this one is of two ranks again.
    await command('nameFile', 'rank-1.json', ranks[1])
    await command('nameFile', 'rank-2.json', ranks[2])
    await app.drop([{ name: 'rank-1.json', bytes: new Uint8Array([1]) }, { name: 'rank-2.json', bytes: new Uint8Array([1]) }])
    await expect.poll(() => app.drawnSpans()).toBe(2)
    await command('nameFile', 'job', folder)
    await app.drop([{ name: 'job', bytes: new Uint8Array() }])
    await expect.poll(() => app.drawnSpans()).toBe(3)
    await expectClean(double)
  })

  it('says in a dialog that a file on the command line is no trace', async () => {
    const bad = join(temporaryFolder(), 'bad.json')
    writeFileSync(bad, 'not json')
    const { command } = await start([bad])
    await expect.poll(async () => (await command('state')).dialogs).toMatchObject([{ kind: 'message', options: { type: 'error', message: expect.stringContaining(bad) as string } }])
  })

  it('answers nobody but its own page over IPC', async () => {
    const { command } = await start()
    const ask = (sender: Parameters<typeof command<'invokeAs'>>[1]): Promise<unknown> => command('invokeAs', sender, REQUEST_CHANNEL, 'app.info', {})
    expect(await ask({ url: 'app://ringscope/index.html' })).toMatchObject({ ok: true })
    for (const sender of [
      { url: 'https://example.com/' }, { url: 'app://elsewhere/index.html' }, { url: 'file:///etc/passwd' }, { url: 'about:blank' },
      { url: 'app://ringscope/index.html', inFrame: true }, { url: 'app://ringscope/index.html', otherContents: true },
      { url: 'app://ringscope/index.html', gone: true },
    ]) {
      expect(await ask(sender), JSON.stringify(sender)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
      expect(await command('invokeAs', sender, OPEN_PATH_CHANNEL, ['/etc/passwd'], 'o')).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    }
    expect(await command('invokeAs', { url: 'app://ringscope/index.html' }, REQUEST_CHANNEL, 'trace.openPaths', { openId: 'o', paths: [sampleTrace()] }), 'a page names a path')
      .toMatchObject({ ok: false, error: { code: 'forbidden' } })
  })

  it('keeps the page under its policy, on its own address and without windows or permissions', async () => {
    const double = await start()
    const { page, command } = double
    await double.app.part('start-run').waitFor()
    const policy = await page.evaluate(async () => (await fetch('/index.html')).headers.get('content-security-policy') ?? '')
    expect(policy).toMatch(/default-src 'none'/)
    expect(policy).toMatch(/script-src 'self'(;|$)/)
    expect(policy).not.toMatch(/unsafe-eval|http/)
    expect(await page.evaluate(async () => (await fetch('/../package.json')).status)).toBe(404)
    expect(await page.evaluate(async () => (await fetch('/%2e%2e/%2e%2e/package.json')).status)).toBe(404)
    expect(await command('askPermission', 'media')).toEqual({ requested: false, checked: false })
    await page.evaluate(() => { window.open('https://example.com/') })
    await page.evaluate(() => { location.href = 'https://example.com/' })
    await expect.poll(async () => (await command('state')).windowsAsked.length).toBeGreaterThan(0)
    const { url, strayRequests } = await command('state')
    expect(url).toMatch(/^app:\/\/ringscope\//)
    expect(strayRequests).toEqual([])
    await expect.poll(() => page.context().pages().length).toBe(1)
  })

  it('quits with its window, in mid-run, and leaves no process', async () => {
    const { app, command, program } = await start()
    await app.pickConfig(/8 ranks.*contiguous/)
    await app.part('config-field-iterations').fill('500')
    await app.startAndReach('measuring')
    const children = canListProcesses ? descendants(program.pid).map(({ pid }) => pid) : []
    await command('closeWindow').catch(() => undefined)
    expect((await program.exited).code).toBe(0)
    expect(await survivors(children)).toEqual([])
  })
})
