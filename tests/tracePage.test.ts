import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { ringTrace } from '../main/comm/testing/ringTrace.ts'
import { browserForThisFile, type WatchedPage } from './support/browser.ts'
import { temporaryFolder } from './support/paths.ts'
import { distinctColours, RingscopePage } from './support/ringscopePage.ts'
import { startWebHost } from './support/webHost.ts'

const browser = browserForThisFile()

interface Opened extends WatchedPage {
  readonly app: RingscopePage
}

async function openApp(): Promise<Opened> {
  const host = await startWebHost()
  const watched = await browser.newPage()
  await watched.page.goto(host.url)
  return { ...watched, app: new RingscopePage(watched.page) }
}

/** Traces of a ring of two ranks whose clocks are apart: rank 1 has the work of a contiguous causal layout. */
const ring = () => ringTrace({ world: 2, layout: 'contiguous', skewNs: 2_000_000 }).files

/** The same as files on disk. */
function ringFiles(): string[] {
  const folder = temporaryFolder()
  return ring().map(({ name, text }) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  })
}

async function openRing(): Promise<Opened> {
  const opened = await openApp()
  await opened.app.part('open-trace-input').setInputFiles(ringFiles())
  await opened.app.drawnSpans()
  return opened
}

/** Marks an area of the Gantt, from one point to another, as shares of the plot. */
async function mark(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  const box = await page.getByTestId('gantt').boundingBox()
  if (box === null) throw new Error('the Gantt is not on the screen')
  await page.keyboard.down('Shift')
  await page.mouse.move(box.x + from[0] * box.width, box.y + from[1] * box.height)
  await page.mouse.down()
  await page.mouse.move(box.x + to[0] * box.width, box.y + to[1] * box.height, { steps: 4 })
  await page.mouse.up()
  await page.keyboard.up('Shift')
}

describe('the traces of a job', () => {
  it('that are picked together become one timeline, each rank on the common clock', async () => {
    const { app, page, troubles } = await openRing()
    expect(await app.part('timeline-picker').locator('option').allInnerTexts()).toEqual([expect.stringMatching(/^[a-z]\S* … \S+ · 2 ranks \(trace\)$/)])
    expect(await app.finding()).toMatch(/Rank 0 waits \d+ % .*for rank 1/)
    expect(await distinctColours(app.part('gantt'))).toBeGreaterThan(4)
    await expect.poll(() => page.getByLabel('Legend').innerText()).toMatch(/waiting for a late peer.*communication kernel/s)
    expect(await app.part('fold-rank-1').getAttribute('title')).toMatch(/^Rank 1, clock [+-]\d[\d.]* (ms|µs) ±\d/)
    const unfolded = await app.drawnSpans()
    await app.part('fold-ranks').click()
    expect(await app.part('fold-rank-0').getAttribute('aria-expanded')).toBe('false')
    expect(await page.getByTestId(/^fold-lane-/).count()).toBe(0)
    await app.part('fold-ranks').click()
    expect(await app.drawnSpans()).toBe(unfolded)
    expect(troubles()).toEqual([])
  })

  it('that are dropped together are one opening', async () => {
    const { app, troubles } = await openApp()
    await app.drop(ring().map(({ name, text }) => ({ name, bytes: Buffer.from(text) })))
    await app.drawnSpans()
    expect(await app.part('timeline-picker').locator('option').count()).toBe(1)
    expect(await app.part('fold-rank-1').count()).toBe(1)
    expect(troubles()).toEqual([])
  })

  it('are explained by a legend that is legible, also where it is short', async () => {
    const { app, page } = await openApp()
    const text = JSON.stringify([{ ph: 'X', name: 'gemm', cat: 'kernel', pid: 0, tid: 7, ts: 0, dur: 10 }])
    await app.part('open-trace-input').setInputFiles({ name: 'one.json', mimeType: 'application/json', buffer: Buffer.from(text) })
    await app.drawnSpans()
    const entries = page.getByLabel('Legend').getByRole('listitem')
    expect(await entries.count()).toBe(2)
    expect(await entries.evaluateAll((items) => items.map((item) => item.scrollWidth <= item.clientWidth))).toEqual([true, true])
  })

  it('tell of the span under a pointer that rests, also when the time moves beneath it', async () => {
    const { app, page } = await openRing()
    await app.part('fold-ranks').click()
    const box = await page.getByTestId('gantt').boundingBox()
    const row = await app.part('fold-rank-0').boundingBox()
    if (box === null || row === null) throw new Error('the Gantt is not on the screen')
    await page.mouse.move(box.x + box.width * 0.5, row.y + row.height / 2)
    await app.part('span-card').waitFor()
    const before = await app.text('span-card')
    for (let step = 0; step < 4; step++) await page.keyboard.press('w')
    for (let step = 0; step < 8; step++) await page.keyboard.press('d')
    const card = async (): Promise<string> => (await app.part('span-card').allInnerTexts()).join()
    const start = (text: string): string | undefined => /Start\s+(\S+)/.exec(text)?.[1]
    expect(start(before)).toBeDefined()
    await expect.poll(async () => start(await card())).not.toBe(start(before))
  })

  it('can be cancelled while they are on their way', async () => {
    const { app, page } = await openApp()
    // An upload that never ends.
    await page.route('**/upload*', () => undefined)
    await app.part('open-trace-input').setInputFiles(ringFiles())
    await app.part('opening').waitFor()
    expect(await app.text('opening')).toMatch(/Opening 2 files/)
    await app.part('cancel-open').click()
    await app.part('opening').waitFor({ state: 'detached' })
    expect([await app.part('error-panel').count(), await app.part('timeline-picker').isDisabled()]).toEqual([0, true])
  })
})

describe('search', () => {
  it('counts, goes from span to span, and shows what the trace says of each', async () => {
    const { app, page, troubles } = await openRing()
    await page.keyboard.press('/')
    await page.keyboard.type('ncclDevKernel_SendRecv')
    await page.keyboard.press('Enter')
    await expect.poll(() => app.text('search-count')).toMatch(/^1 of \d+$/)
    await app.part('span-panel').waitFor()
    expect(await app.text('span-panel')).toMatch(/ncclDevKernel_SendRecv.*Waited .*Transfer .*Time in its file \d+\.\d{3} µs/)
    expect(await app.text('span-args')).toMatch(/Process Group Name.*Src Rank|Src Rank.*Process Group Name/)
    const whole = await app.part('gantt').getAttribute('data-window')
    await page.keyboard.press('Enter')
    await expect.poll(() => app.text('search-count')).toMatch(/^2 of \d+$/)
    await page.keyboard.press('Shift+Enter')
    await expect.poll(() => app.text('search-count')).toMatch(/^1 of \d+$/)
    expect(await app.part('gantt').getAttribute('data-window')).toBe(whole)
    await page.keyboard.press('Escape')
    expect([await app.part('span-search').inputValue(), await app.text('search-count')]).toEqual(['', ''])
    expect(troubles()).toEqual([])
  })

  it('follows a flow from a kernel to its launch', async () => {
    const { app, page, troubles } = await openRing()
    await page.keyboard.press('/')
    await page.keyboard.type('ncclDevKernel_SendRecv')
    await page.keyboard.press('Enter')
    await app.part('flow').first().waitFor()
    await app.part('flow').first().click()
    await expect.poll(async () => (await app.text('span-panel')).includes('cudaLaunchKernel')).toBe(true)
    expect(troubles()).toEqual([])
  })

  it('says so when nothing is found', async () => {
    const { app, page } = await openRing()
    await page.keyboard.press('/')
    await page.keyboard.type('no such span anywhere')
    await expect.poll(() => app.text('search-count')).toBe('nothing found')
  })
})

describe('a selected area', () => {
  it('is counted by name, all lanes or those that were marked, and leads to the longest span', async () => {
    const { app, page, troubles } = await openRing()
    await mark(page, [0.5, 0.12], [0.8, 0.3])
    await app.part('selection-panel').waitFor()
    const spansOf = async (): Promise<number> => Number(/^(\d+) spans in /.exec(await app.text('selection-title'))?.[1] ?? Number.NaN)
    await expect.poll(spansOf).toBeGreaterThan(0)
    const marked = await spansOf()
    await app.part('select-all-lanes').click()
    await expect.poll(spansOf).toBeGreaterThan(marked)
    const [download] = await Promise.all([page.waitForEvent('download'), app.part('selection-panel').getByRole('button', { name: 'CSV' }).click()])
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^name,category,count,totalNs,averageNs,longestNs\r\n/)
    await app.part('selection-row').first().click()
    await app.part('span-panel').waitFor()
    await page.keyboard.press('Escape')
    await app.part('selection-panel').waitFor({ state: 'detached' })
    expect(troubles()).toEqual([])
  })
})

describe('the Trace view', () => {
  it('says what the ranks did, what the ring was, what determined the makespan, and what the files were', async () => {
    const { app, page, troubles } = await openRing()
    await page.keyboard.press('6')
    await app.part('trace-view').waitFor()
    expect(await app.part('breakdown').locator('tbody tr').count()).toBe(2)
    expect(await app.text('breakdown')).toMatch(/HTA-compatible/)
    expect(await app.text('rings')).toMatch(/0 → 1 → 0.*forward.*contiguous/)
    expect(await app.text('critical-path')).toMatch(/% of the .* is .*gives? back|would give back/)
    expect(await app.text('clocks')).toMatch(/2 ranks on one clock, to within ±.*distributedInfo/)
    expect(await app.text('files')).toMatch(/events of 2 files: nothing had to be mended or left out/)
    expect(await app.text('classification')).toMatch(/attention.*compute/)
    expect(await page.evaluate(() => [...document.querySelectorAll('main *')].filter((part) => part.getBoundingClientRect().right > innerWidth + 1).length)).toBe(0)
    await app.part('critical-path').getByRole('button', { name: 'show' }).first().click()
    await app.part('span-panel').waitFor()
    expect(troubles()).toEqual([])
  })

  it('lists by kind what was mended and left out, with the first byte', async () => {
    const { app, troubles } = await openApp()
    const path = join(temporaryFolder(), 'damaged.json')
    writeFileSync(path, '[{"ph":"X","name":"a","pid":1,"tid":1,"ts":1,"dur":2},{"ph":"E","name":"b","pid":1,"tid":1,"ts":9},')
    await app.part('open-trace-input').setInputFiles(path)
    await app.drawnSpans()
    await app.part('view-trace').click()
    await app.part('troubles').waitFor()
    expect(await app.text('troubles')).toMatch(/MENDED.*LEFT OUT/)
    expect(troubles()).toEqual([])
  })
})
