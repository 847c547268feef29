import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { browserForThisFile, type WatchedPage } from './support/browser.ts'
import { distinctColours, RingscopePage } from './support/ringscopePage.ts'
import { startWebHost } from './support/webHost.ts'

const browser = browserForThisFile()

interface Opened extends WatchedPage {
  readonly app: RingscopePage
}

/** The planner over a config of two ranks, with its first answers. */
async function openPlanner(): Promise<Opened> {
  const host = await startWebHost()
  const watched = await browser.newPage()
  await watched.page.goto(host.url)
  const app = new RingscopePage(watched.page)
  await app.pickConfig(/2 ranks, zigzag/)
  await app.show('planner')
  await answered(app)
  return { ...watched, app }
}

async function answered(app: RingscopePage): Promise<void> {
  await expect.poll(() => app.part('planner-status').getAttribute('data-state'), { timeout: 90_000 }).toBe('answered')
}

/** Types a value of the problem, which is another question. */
async function askWith(app: RingscopePage, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, value] of Object.entries(fields)) await app.part(`planner-field-${path}`).locator('input').fill(value)
  await expect.poll(() => app.part('planner-status').getAttribute('data-state'), { interval: 20 }).not.toBe('answered')
  await answered(app)
}

describe('the planner in a browser', () => {
  it('tells what is fastest on other numbers of devices, and simulates one into a timeline', async () => {
    const { app, page, troubles } = await openPlanner()
    expect(await app.text('planner-best')).toMatch(/ is fastest on 2 devices: /)

    await askWith(app, { seqLen: '65536', heads: '8', kvHeads: '8' })
    const onTwo = (await app.part('planner-candidate').first().locator('.name').innerText()).trim()
    await app.part('planner-devices-64').click()
    await expect.poll(() => app.text('planner-best'), { timeout: 90_000 }).toMatch(/ is fastest on 64 devices: /)
    await answered(app)
    expect((await app.part('planner-candidate').first().locator('.name').innerText()).trim()).not.toBe(onTwo)
    expect(await app.part('planner-impossible').innerText()).toMatch(/left out/)
    for (const chart of ['planner-links', 'planner-layouts', 'planner-memory', 'planner-candidate-bars']) {
      await app.part(chart).locator('canvas').first().waitFor()
      expect(await distinctColours(app.part(chart)), chart).toBeGreaterThan(4)
    }

    const row = app.part('planner-candidate').filter({ hasText: 'double ring' }).first()
    const makespan = await row.locator('td.number').first().innerText()
    await row.getByTestId('planner-simulate').click()
    await app.part('gantt').waitFor({ timeout: 30_000 })
    expect(await app.drawnSpans()).toBeGreaterThan(64)
    expect(await app.part('timeline-picker').locator('option').allInnerTexts()).toEqual([expect.stringMatching(/^64 ranks, double ring .*\(simulated\)$/)])
    expect((await app.iterationTimes()).join()).toContain(makespan)

    // Back where the question was, and its best into the Run form.
    await app.show('planner')
    expect(await app.part('planner-field-world').locator('input').inputValue()).toBe('64')
    await app.part('planner-use').first().click()
    expect(await app.part('config-field-world').inputValue()).toBe('64')
    expect(await page.getByTestId('view-run').getAttribute('aria-current')).toBe('page')
    expect(troubles()).toEqual([])
  })

  it('says what is wrong beside the input, keeps the last answers grey, and goes on when it is mended', async () => {
    const { app, troubles } = await openPlanner()
    await app.part('planner-field-intraGBps').locator('input').fill('fast')
    await expect.poll(() => app.part('planner-field-intraGBps').innerText()).toMatch(/Expected a number above 0, at most 1000000000, got "fast"/)
    expect(await app.part('planner-answers').getAttribute('class')).toContain('stale')
    expect(await app.part('planner-use').first().isEnabled()).toBe(false)
    await app.part('planner-field-intraGBps').locator('input').fill('100')
    await answered(app)
    expect(await app.part('planner-use').first().isEnabled()).toBe(true)

    await app.part('planner-field-seqLen').locator('input').fill('many')
    await expect.poll(() => app.part('planner-field-seqLen').innerText(), { timeout: 20_000 }).toMatch(/Expected an integer from 1/)
    expect(troubles()).toEqual([])
  })

  it('sets published figures beside ours and exports every table', async () => {
    const { app, page, troubles } = await openPlanner()
    await app.part('planner-published').waitFor({ timeout: 90_000 })
    expect(await app.text('planner-published')).toMatch(/zhuzilin.*MEASURED.*calibration/)
    const [download] = await Promise.all([
      page.waitForEvent('download'), app.part('planner-published').getByRole('button', { name: 'CSV' }).click(),
    ])
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^source,reference,what,unit,published,ours,difference,kind,role,note\r\n/)
    expect(troubles()).toEqual([])
  })
})
