import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { browserForThisFile, type WatchedPage } from './support/browser.ts'
import { root } from './support/paths.ts'
import { distinctColours, RingscopePage } from './support/ringscopePage.ts'
import { startWebHost } from './support/webHost.ts'

const browser = browserForThisFile()

interface Opened extends WatchedPage {
  readonly app: RingscopePage
}

/** The app with two saved runs open, each as a timeline of its own, in this order. */
async function openTwoRuns(): Promise<Opened> {
  const host = await startWebHost()
  const watched = await browser.newPage()
  await watched.page.goto(host.url)
  const app = new RingscopePage(watched.page)
  for (const [at, name] of ['2-ranks-zigzag-causal.json.gz', '8-ranks-modelled-contiguous-causal.json.gz'].entries()) {
    await app.part('open-trace-input').setInputFiles(join(root, 'fixtures', 'traces', name))
    // What is opened is shown: until it is, another view would be left again.
    await expect.poll(() => app.part('timeline-picker').locator('option').count(), { timeout: 30_000 }).toBe(at + 1)
  }
  await app.finding()
  await app.show('compare')
  await app.part('compare-metrics').waitFor()
  return { ...watched, app }
}

describe('the Compare view', () => {
  it('lays the newest two over each other by the start of an iteration, on one scale, and says which is faster and why', async () => {
    const { app, page, troubles } = await openTwoRuns()
    expect(await page.getByTestId('compare-verdicts').locator('[data-change]').getAttribute('data-change')).toBe('slower')
    expect(await app.text('compare-verdicts')).toMatch(/ slower \(makespan /)
    const charts = app.part('compare-charts').getByTestId('gantt')
    expect(await charts.count()).toBe(2)
    for (const chart of await charts.all()) {
      await expect.poll(() => chart.getAttribute('data-span-count').then(Number)).toBeGreaterThan(10)
      expect(await distinctColours(chart)).toBeGreaterThan(3)
    }
    const windows = async (): Promise<(string | null)[]> => Promise.all((await charts.all()).map((chart) => chart.getAttribute('data-window')))
    const [first, second] = await windows()
    expect(first).toBe(second)
    await charts.first().hover()
    await page.mouse.wheel(0, -600)
    await expect.poll(async () => (await windows())[1]).not.toBe(second)
    const [zoomed, alsoZoomed] = await windows()
    expect(zoomed).toBe(alsoZoomed)
    expect(troubles()).toEqual([])
  })

  it('turns round with the other as the base, and shows where a figure\'s difference comes from', async () => {
    const { app, page, troubles } = await openTwoRuns()
    await page.getByRole('button', { name: 'make base' }).click()
    await expect.poll(() => page.getByTestId('compare-verdicts').locator('[data-change]').getAttribute('data-change')).toBe('faster')
    expect(await app.part('compare-metrics').locator('[data-metric="makespan"] td').nth(2).getAttribute('class')).toContain('good')
    await app.part('compare-choice').first().uncheck()
    await expect.poll(() => page.getByText('Choose two or more timelines above').isVisible()).toBe(true)
    expect(troubles()).toEqual([])
  })
})
