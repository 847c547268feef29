import { describe, expect, it } from 'vitest'
import { browserForThisFile } from './support/browser.ts'
import { distinctColours, RingscopePage } from './support/ringscopePage.ts'
import { startWebHost } from './support/webHost.ts'

const browser = browserForThisFile()

async function openApp(): Promise<{ readonly app: RingscopePage; readonly troubles: () => readonly string[] }> {
  const { url } = await startWebHost()
  const { page, troubles } = await browser.newPage()
  await page.goto(url)
  return { app: new RingscopePage(page), troubles }
}

/** The cells of the table of what travels: one row a kind. */
async function traffic(app: RingscopePage): Promise<string[][]> {
  const rows = await app.part('traffic').first().locator('tbody tr').all()
  return Promise.all(rows.map((row) => row.locator('td').allInnerTexts()))
}

describe('algorithms in the app', () => {
  it('runs forward and backward, verifies the gradients, and counts their hops apart from those of K/V', async () => {
    const { app, troubles } = await openApp()
    await app.pickConfig(/forward and backward/)
    await app.runToEnd()
    expect(await app.text('verification')).toBe('Verification passed')
    expect(await app.text('gradient-verification')).toMatch(/^\d+ gradient rows, largest error \d\.\de-\d+ \(tolerance 1\.0e-4\)$/)
    // Kind, pass, hops, theory: N - 1 each.
    expect((await traffic(app)).map((cells) => cells.slice(0, 4))).toEqual([
      ['K/V', 'forward', '3.00', '3'], ['K/V', 'backward', '3.00', '3'], ['dK/dV', 'backward', '3.00', '3'],
    ])

    await app.show('timeline')
    await app.drawnSpans()
    // Compute, and a pair of lanes each for K/V and its gradient.
    expect(await app.part('gantt').getAttribute('aria-label')).toMatch(/: 20 lanes/)
    expect(await app.text('carried')).toContain('dK/dV')

    await app.show('imbalance')
    expect(await app.part('step-map').getAttribute('data-cell-count')).toBe(String(4 * 8))
    expect(await app.part('work-map').getAttribute('data-cell-count')).toBe(String(4 * 8))
    expect(await distinctColours(app.part('step-map'))).toBeGreaterThan(2)
    const layouts = await app.part('layouts').locator('tbody tr').allInnerTexts()
    expect(layouts.map((row) => row.trim().split(/\s/)[0])).toEqual(['contiguous', 'striped', 'zigzag', 'block-cyclic'])
    expect(troubles()).toEqual([])
  })

  it('shows the ring between the windows of a double ring on lanes of its own', async () => {
    const { app, troubles } = await openApp()
    await app.pickConfig(/4 ranks, double ring/)
    await app.runToEnd()
    expect((await traffic(app)).map(([what, pass, hops]) => `${pass}: ${what} ${hops}`)).toEqual([
      'forward: K/V 2.00', 'forward: K/V, between windows 1.00', 'backward: K/V 2.00', 'backward: K/V, between windows 1.00',
      'backward: dK/dV 2.00', 'backward: dK/dV, between windows 1.00',
    ])
    await app.show('timeline')
    await app.drawnSpans()
    expect(await app.part('gantt').getAttribute('aria-label')).toMatch(/: 36 lanes/)
    expect(troubles()).toEqual([])
  })

  it('shows the fields that an algorithm, a layout or a mask uses, and plans anew', async () => {
    const { app, troubles } = await openApp()
    await app.pickConfig(/forward and backward/)
    const field = (path: string) => app.part(`config-field-${path}`)
    const shown = async (): Promise<boolean[]> => Promise.all(
      ['window', 'ulyssesDegree', 'cyclicWidth', 'lookback'].map(async (path) => await field(path).count() === 1))
    expect(await shown()).toEqual([false, false, false, true])
    const planned = (): Promise<string[]> => traffic(app).then((rows) => rows.map(([what, pass, hops]) => `${pass}: ${what} ${hops}`))
    await expect.poll(planned).toEqual(['forward: K/V 3', 'backward: K/V 3', 'backward: dK/dV 3'])

    await field('algorithm').selectOption('double-ring')
    expect(await shown()).toEqual([true, false, false, true])
    await field('window').fill('3')
    await app.part('problem-window').waitFor()
    expect(await app.text('problem-window')).toMatch(/divisor/)
    await field('window').fill('2')
    await expect.poll(planned).toContain('backward: dK/dV, between windows 1')

    await field('algorithm').selectOption('hybrid')
    expect(await shown()).toEqual([false, true, false, true])
    await field('ulyssesDegree').fill('4')
    await expect.poll(planned).toEqual([
      'forward: Q, K, V, all-to-all 3', 'forward: output, all-to-all 3', 'backward: dO, all-to-all 3', 'backward: dQ, dK, dV, all-to-all 3',
    ])

    await field('algorithm').selectOption('ring')
    await field('layout').selectOption('block-cyclic')
    await field('mask').selectOption('full')
    expect(await shown()).toEqual([false, false, true, false])

    // Lists are typed as text; what is wrong in one is said beside it.
    await field('cuSeqlens').fill('0, 700, 900')
    await app.part('problem-cuSeqlens').waitFor()
    await field('cuSeqlens').fill('0, 700, 2048')
    await app.part('problem-cuSeqlens').waitFor({ state: 'detached' })
    await expect.poll(planned).toContain('forward: K/V 3')

    // A value that is refused is not hidden with its field.
    await field('mask').selectOption('causal')
    await field('lookback').fill('64')
    await field('mask').selectOption('full')
    await app.part('problem-lookback').waitFor()
    expect(troubles()).toEqual([])
  })
})
