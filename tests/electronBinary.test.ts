import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { _electron, type ElectronApplication } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findElectron, hasDisplay } from '../scripts/lib/electron.mjs'
import { cleanEnvironment, root, temporaryFolder } from './support/paths.ts'
import { RingscopePage } from './support/ringscopePage.ts'

const binary = findElectron()
const whyNot = binary === null ? 'Electron\'s binary is not here; npx install-electron fetches it'
  : hasDisplay() ? null : 'there is no display; run the tests under xvfb-run'

async function launch(args: readonly string[] = []): Promise<ElectronApplication> {
  if (binary === null) throw new Error('unreachable: these tests are skipped without the binary')
  const { DISPLAY, WAYLAND_DISPLAY } = process.env
  const env = { ...cleanEnvironment(temporaryFolder()), DISPLAY, WAYLAND_DISPLAY } as Record<string, string>
  // With a path given, Playwright does not load the package "electron", which would start a download.
  const app = await _electron.launch({ executablePath: binary, args: [root, ...args], env, cwd: root })
  onTestFinished(() => app.close())
  return app
}

describe.skipIf(whyNot !== null)(`the true Electron${whyNot === null ? '' : ` (skipped: ${whyNot})`}`, () => {
  it('runs a ring in its own window, isolated and sandboxed', async () => {
    const electron = await launch()
    const page = await electron.firstWindow()
    const errors: string[] = []
    page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()) })
    page.on('pageerror', (error) => { errors.push(error.message) })
    const app = new RingscopePage(page)
    await app.pickConfig(/2 ranks, zigzag/)
    await app.runToEnd()
    expect(await app.text('verification')).toBe('Verification passed')
    await app.show('timeline')
    expect(await app.drawnSpans()).toBeGreaterThan(10)
    expect(page.url()).toMatch(/^app:\/\/ringscope\//)
    expect(await page.evaluate(() => ['require', 'process', 'module'].filter((name) => name in globalThis))).toEqual([])
    expect(errors).toEqual([])
  })

  it('opens a trace named on the command line', async () => {
    const folder = join(root, 'fixtures/traces')
    const electron = await launch([join(folder, readdirSync(folder).sort()[0])])
    const app = new RingscopePage(await electron.firstWindow())
    expect(await app.drawnSpans()).toBeGreaterThan(0)
  })
})
