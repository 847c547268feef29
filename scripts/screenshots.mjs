/**
 * npm run screenshots: makes the pictures in docs/ from real runs of the built app in a real browser.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { ensureChromium } from './lib/browser.mjs'
import { ensureBuilt } from './lib/build.mjs'
import { ScriptError, at, runMain, say } from './lib/project.mjs'

const VIEWPORT = { width: 1440, height: 860 }

/**
 * Starts the web host.
 * @returns {Promise<{ url: string, stop: () => void }>}
 */
async function serve() {
  const host = spawn(process.execPath, [at('out/main/cli.js'), 'serve', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await Promise.race([
    once(host.stdout, 'data'),
    once(host, 'exit').then(() => { throw new ScriptError('the web host ended before it had an address') }),
  ])
  return { url: String(line).trim(), stop: () => host.kill('SIGTERM') }
}

await runMain(async () => {
  await ensureBuilt()
  const host = await serve()
  const browser = await chromium.launch({ executablePath: await ensureChromium(), args: ['--no-sandbox', '--disable-gpu'] })
  try {
    const page = await browser.newPage({ viewport: VIEWPORT, colorScheme: 'light' })
    await page.goto(host.url)
    /** @param {string} id */
    const part = (id) => page.getByTestId(id)
    /** @param {string} name */
    const shoot = async (name) => {
      await page.mouse.move(0, 0)
      // Charts draw in the frame after their data.
      await page.waitForTimeout(1500)
      await page.screenshot({ path: at('docs', `${name}.png`) })
      say(`docs/${name}.png`)
    }
    /** @param {RegExp} config */
    const run = async (config) => {
      await part('view-run').click()
      await part('config-item').filter({ hasText: config }).first().click()
      await part('start-run').click()
      await page.locator('[data-testid="run-status"][data-status="finished"]').waitFor({ timeout: 120_000 })
    }

    await part('config-item').first().waitFor()
    await run(/2 ranks, zigzag/)
    await shoot('run')
    await part('view-sweep').click()
    await part('sweep-start').click()
    await part('use-best').first().waitFor({ timeout: 300_000 })
    await shoot('sweep')
    await run(/8 ranks modelled, contiguous/)
    await part('view-timeline').click()
    await shoot('timeline')
    await part('view-imbalance').click()
    await shoot('imbalance')
    await run(/8 ranks modelled, zigzag/)
    await part('view-compare').click()
    for (const choice of await part('compare-choice').all()) await choice.uncheck()
    for (const name of ['contiguous', 'zigzag']) await page.getByRole('checkbox', { name: `8 ranks modelled, ${name}` }).check()
    await part('compare-metrics').waitFor()
    await shoot('compare')
    await part('view-planner').click()
    await part('planner-devices-64').click()
    for (const [field, value] of Object.entries({ seqLen: '262144', heads: '32', kvHeads: '8', headDim: '128', ranksPerNode: '8' })) {
      await part(`planner-field-${field}`).locator('input').fill(value)
    }
    await part('planner-model').selectOption({ label: 'Llama 3 8B' })
    await page.waitForTimeout(2000)
    await page.locator('[data-testid="planner-status"][data-state="answered"]').waitFor({ state: 'attached', timeout: 120_000 })
    await shoot('planner')
    await part('planner-memory').scrollIntoViewIfNeeded()
    await shoot('planner-memory')
    await run(/double ring 4 x 2/)
    await part('view-timeline').click()
    await part('fit-iteration').selectOption({ index: 3 })
    await shoot('double-ring')
    await run(/8 ranks modelled, DistFlash/)
    await part('view-imbalance').click()
    await shoot('distflash')
    await part('open-trace-input').setInputFiles(readdirSync(at('fixtures/kineto-ring')).map((name) => at('fixtures/kineto-ring', name)))
    await page.locator('[data-testid="timeline-title"][data-analysed="true"]').filter({ hasText: 'waits' }).waitFor({ timeout: 60_000 })
    await shoot('kineto-ring')
    await part('view-trace').click()
    await shoot('trace')
  } finally {
    await browser.close()
    host.stop()
  }
  return 0
})
