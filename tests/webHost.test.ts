import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { browserForThisFile, type WatchedPage } from './support/browser.ts'
import { root, temporaryFolder } from './support/paths.ts'
import { canListProcesses, descendants, survivors } from './support/processTree.ts'
import { distinctColours, RingscopePage } from './support/ringscopePage.ts'
import { startWebHost, type WebHostUnderTest } from './support/webHost.ts'

const browser = browserForThisFile()
const sampleTraces = (): string[] => readdirSync(join(root, 'fixtures/traces')).sort().map((name) => join(root, 'fixtures/traces', name))

/** One rank's trace as a profiler writes it, of so many kernels. */
function rankTrace(rank: number, kernels: number): { readonly name: string, readonly bytes: Uint8Array<ArrayBuffer> } {
  const events = Array.from({ length: kernels }, (_, at) =>
    `{"ph":"X","cat":"kernel","name":"flash_fwd_kernel","pid":0,"tid":7,"ts":${at * 10},"dur":5,"args":{"stream":7}}`)
  const text = `{"distributedInfo":{"rank":${rank},"world_size":3},"traceEvents":[${events.join(',')}]}`
  return { name: `rank-${rank}.json`, bytes: new TextEncoder().encode(text) }
}

interface Opened extends WatchedPage, WebHostUnderTest {
  readonly app: RingscopePage
}

async function openApp(traces: readonly string[] = []): Promise<Opened> {
  const host = await startWebHost(traces)
  const watched = await browser.newPage()
  await watched.page.goto(host.url)
  return { ...host, ...watched, app: new RingscopePage(watched.page) }
}

describe('the app in a browser, served on loopback', () => {
  it('runs a ring of two processes, shows it in every view, saves its trace and opens it again with the same figures', async () => {
    const { app, page, troubles, program } = await openApp()
    await app.pickConfig(/2 ranks, zigzag/)
    const figures = await app.runToEnd()
    expect(await app.text('verification')).toBe('Verification passed')
    expect(figures.makespan).toMatch(/^\d[\d.]* (µs|ms|s)$/)
    expect(figures.overlapRatio).toMatch(/^\d[\d.]* %$/)
    expect(figures.idleFraction).toMatch(/^\d[\d.]* %$/)
    if (canListProcesses) expect(descendants(program.pid), 'ranks left behind').toEqual([])

    await app.show('timeline')
    const spans = await app.drawnSpans()
    expect(await distinctColours(app.part('gantt'))).toBeGreaterThan(4)
    const iterations = await app.iterationTimes()
    expect(iterations).toHaveLength(6)

    await app.show('imbalance')
    await app.part('idle-chart').locator('canvas').first().waitFor()
    await app.part('work-map').waitFor()
    expect(await distinctColours(app.part('idle-chart'))).toBeGreaterThan(4)
    const idleBars = await app.part('idle-chart').getAttribute('aria-label')

    const [download] = await Promise.all([page.waitForEvent('download'), app.part('save-trace').click()])
    const saved = join(temporaryFolder(), download.suggestedFilename())
    await download.saveAs(saved)
    expect(saved).toMatch(/\.json\.gz$/)
    const trace = JSON.parse(gunzipSync(readFileSync(saved)).toString()) as { traceEvents: unknown[] }
    expect(trace.traceEvents.length).toBeGreaterThan(spans)

    // A fresh window on a fresh host knows nothing of the run but what the file says.
    const second = await openApp()
    await second.app.part('open-trace-input').setInputFiles(saved)
    await second.app.show('timeline')
    expect(await second.app.drawnSpans()).toBe(spans)
    expect(await second.app.iterationTimes()).toEqual(iterations)
    await second.app.show('imbalance')
    await second.app.part('idle-chart').locator('canvas').first().waitFor()
    expect(await second.app.part('idle-chart').getAttribute('aria-label')).toBe(idleBars)
    expect([...troubles(), ...second.troubles()]).toEqual([])
  })

  it('sweeps tile sizes and takes the best into the config', async () => {
    const { app, troubles } = await openApp()
    await app.pickConfig(/2 ranks, contiguous/)
    await app.show('sweep')
    await app.sweepSmallGrid()
    const best = await app.text('sweep-cell-best')
    const [, blockQ, blockK] = /(\d+)\D+(\d+)/.exec(best) ?? []
    expect([blockQ, blockK].map(Number)).toEqual([expect.toBeOneOf([32, 64]), expect.toBeOneOf([64, 128])])
    await app.part('sweep-heatmap').waitFor()
    await app.part('use-best').click()
    await app.show('run')
    expect(await app.part('config-field-blockQ').inputValue()).toBe(blockQ)
    expect(await app.part('config-field-blockK').inputValue()).toBe(blockK)
    expect(troubles()).toEqual([])
  })

  it('sweeps shard lengths through a pause and a reload, and keeps what it measured when it is cancelled', async () => {
    const { app, page, troubles } = await openApp()
    await app.pickConfig(/2 ranks, contiguous/)
    await app.show('sweep')
    await app.part('sweep-kind-ring').click()
    await app.part('sweep-axis-values-0').fill('64, 128')
    await app.part('sweep-repeats').fill('1000')
    await app.part('sweep-start').click()
    await app.part('sweep-ring-steps').waitFor({ timeout: 120_000 })
    await app.part('sweep-pause').click()
    await expect.poll(() => app.text('sweep-status'), { timeout: 30_000 }).toMatch(/^Paused/)

    await page.reload()
    await expect.poll(() => app.text('sweep-status'), { timeout: 30_000 }).toMatch(/^Paused/)
    expect(await app.part('sweep-kind-ring').getAttribute('aria-selected')).toBe('true')
    await app.part('sweep-resume').click()
    await expect.poll(() => app.text('sweep-status'), { timeout: 30_000 }).not.toMatch(/^Paused/)
    await expect.poll(() => app.part('sweep-ring-table').locator('tbody tr').count(), { timeout: 60_000 }).toBe(2)
    await app.part('sweep-cancel').click()
    await app.part('sweep-ring-best').waitFor({ timeout: 30_000 })
    await app.part('use-best').click()
    expect(await app.part('config-field-seqLen').inputValue()).toMatch(/^(128|256)$/)
    expect(troubles()).toEqual([])
  })

  it('cancels a run and keeps what it measured', async () => {
    const { app, program, troubles } = await openApp()
    await app.pickConfig(/8 ranks.*contiguous/)
    await app.part('config-field-iterations').fill('500')
    await app.startAndReach('measuring')
    const ranks = canListProcesses ? descendants(program.pid).map(({ pid }) => pid) : []
    if (canListProcesses) expect(ranks.length).toBeGreaterThanOrEqual(8)
    await app.part('cancel-run').click()
    await expect.poll(() => app.status(), { timeout: 20_000 }).toBe('cancelled')
    expect(await survivors(ranks)).toEqual([])
    await app.show('timeline')
    expect(await app.drawnSpans()).toBeGreaterThan(0)
    expect(troubles()).toEqual([])
  })

  it('opens the sample traces: from the command line, by the file input and by dropping', async () => {
    const [first, second] = sampleTraces()
    const { app, troubles } = await openApp([first])
    await app.show('timeline')
    await expect.poll(() => app.drawnSpans()).toBeGreaterThan(0)
    const title = await app.finding()
    await app.part('open-trace-input').setInputFiles(second)
    await expect.poll(() => app.finding()).not.toBe(title)
    await app.drop([{ name: basename(first), bytes: readFileSync(first) }])
    await expect.poll(() => app.finding()).toBe(title)
    expect(await app.drawnSpans()).toBeGreaterThan(0)
    expect(troubles()).toEqual([])
  })

  it('opens the ranks of a job dropped together as one timeline, without a file that is no trace, and says so', async () => {
    const { app, troubles } = await openApp()
    await app.drop([...[0, 1, 2].map((rank) => rankTrace(rank, 3)), { name: 'notes.json', bytes: new TextEncoder().encode('{"a": 1}') }])
    await app.show('timeline')
    await expect.poll(() => app.drawnSpans()).toBe(9)
    await expect.poll(() => app.text('error-panel')).toMatch(/notes\.json/)
    expect(troubles()).toEqual([])
  })

  it('shows how far an opening is, and ends it when the user has enough', async () => {
    const { app, troubles } = await openApp([sampleTraces()[0]])
    await app.show('timeline')
    const before = await app.drawnSpans()
    const { name, bytes } = rankTrace(0, 1_500_000)
    const large = join(temporaryFolder(), name)
    writeFileSync(large, bytes)
    await app.part('open-trace-input').setInputFiles(large)
    await app.part('opening').waitFor()
    await app.part('cancel-open').click()
    await app.part('opening').waitFor({ state: 'detached' })
    expect(await app.drawnSpans()).toBe(before)
    expect(await app.part('error-panel').count()).toBe(0)
    expect(troubles()).toEqual([])
  })

  it('says what is wrong with a file that is no trace, and goes on', async () => {
    const { app, troubles } = await openApp()
    const bad = join(temporaryFolder(), 'holiday.json')
    writeFileSync(bad, '{"traceEvents": 17}')
    await app.part('open-trace-input').setInputFiles(bad)
    await app.part('error-panel').first().waitFor()
    expect(await app.text('error-panel')).toMatch(/holiday\.json.*traceEvents/)
    await app.drop([{ name: 'noise.json', bytes: new Uint8Array([0, 255, 1, 2]) }])
    await expect.poll(() => app.text('error-panel')).toMatch(/noise\.json|holiday\.json/)
    await app.part('open-trace-input').setInputFiles(sampleTraces()[0])
    await app.show('timeline')
    expect(await app.drawnSpans()).toBeGreaterThan(0)
    expect(troubles()).toEqual([])
  })

  it('marks what is wrong in a config and refuses to start it', async () => {
    const { app, troubles } = await openApp()
    await app.pickConfig(/2 ranks, zigzag/)
    await app.part('config-field-seqLen').fill('-3')
    await app.part('problem-seqLen').waitFor()
    expect(await app.text('problem-seqLen')).toMatch(/integer from 1/)
    await app.part('config-field-seqLen').fill('512')
    await app.part('problem-seqLen').waitFor({ state: 'detached' })
    expect(troubles()).toEqual([])
  })

  it('tells what this machine has', async () => {
    const { app, troubles } = await openApp()
    await app.show('machine')
    await expect.poll(() => app.page.locator('main').innerText(), { timeout: 60_000 }).toMatch(/wasm/)
    expect(await app.page.locator('main').innerText()).toMatch(/L2/)
    expect(troubles()).toEqual([])
  })
})

describe('the loopback host', () => {
  it('refuses a page without the token, and a stranger who guesses one', async () => {
    const { url } = await startWebHost()
    const { origin } = new URL(url)
    expect((await fetch(`${origin}/upload?name=x.json`, { method: 'POST', body: '{}', headers: { Origin: origin } })).status).toBe(401)
    expect((await fetch(`${origin}/upload?name=x.json`, {
      method: 'POST', body: '{}', headers: { Origin: origin, Authorization: 'Bearer guess' },
    })).status).toBe(401)
    const { page } = await browser.newPage()
    await page.goto(origin)
    await expect.poll(() => page.locator('body').innerText()).toMatch(/address|token/i)
    expect(await page.getByTestId('start-run').count()).toBe(0)
  })

  it('serves the page under a strict policy', async () => {
    const { url } = await startWebHost()
    const response = await fetch(new URL(url).origin)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/default-src 'none'/)
    expect(policy).toMatch(/script-src 'self'(;|$)/)
    expect(policy).not.toMatch(/unsafe-eval|https?:\/\/(?!127)/)
  })

  it('ends with Ctrl-C at once, with no child left', async () => {
    const { app, program } = await openApp()
    await app.pickConfig(/8 ranks.*zigzag/)
    await app.part('config-field-iterations').fill('500')
    await app.startAndReach('measuring')
    const children = canListProcesses ? descendants(program.pid).map(({ pid }) => pid) : []
    program.child.kill('SIGINT')
    const { signal } = await program.exited
    expect(signal).toBeNull()
    expect(await survivors(children)).toEqual([])
  })
})
