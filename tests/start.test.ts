import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, describe } from 'vitest'
import { browserForThisFile } from './support/browser.ts'
import { cleanEnvironment, root, temporaryFolder } from './support/paths.ts'
import { canListProcesses, descendants, survivors } from './support/processTree.ts'
import { startProgram, type Program } from './support/program.ts'
import { RingscopePage } from './support/ringscopePage.ts'
import { PAGE_ADDRESS } from './support/webHost.ts'

const browser = browserForThisFile()

/** `npm start` as on a machine without a display and without Electron's binary. */
function npmStart(...args: string[]): Program {
  const home = temporaryFolder()
  return startProgram(process.execPath, ['scripts/start.mjs', ...args], {
    cwd: root, env: { ...cleanEnvironment(home), ELECTRON_OVERRIDE_DIST_PATH: join(home, 'no-electron-here') },
  })
}

// Elsewhere than on Linux there is always a display, and a browser would pop up.
describe.runIf(process.platform === 'linux')('npm start with no display and no Electron', () => {
  it('says so in one line, serves the app on loopback, and a ring that a user starts there finishes', async () => {
    const program = npmStart()
    const [url] = await program.waitFor(PAGE_ADDRESS, 20_000)
    expect(program.stdout()).toMatch(/^ringscope: Electron is not available .*no display.*instead$/m)
    const { page, troubles } = await browser.newPage()
    await page.goto(url)
    const app = new RingscopePage(page)
    await app.pickConfig(/2 ranks, zigzag/)
    await app.runToEnd()
    expect(await app.text('verification')).toBe('Verification passed')
    expect(await app.text('makespan')).toMatch(/\d (µs|ms|s)$/)
    expect(troubles()).toEqual([])

    const children = canListProcesses ? descendants(program.pid).map(({ pid }) => pid) : []
    program.child.kill('SIGINT')
    expect((await program.exited).signal).toBeNull()
    expect(await survivors(children)).toEqual([])
  })

  it('does the same for Electron only when it is forced to: says what to do and fails', async () => {
    const program = npmStart('--electron')
    const { code } = await program.exited
    expect(code).toBe(1)
    expect(program.stderr()).toMatch(/Electron cannot start: .*npx install-electron.*--web/s)
    expect(program.stdout()).not.toMatch(PAGE_ADDRESS)
  })

  it('opens the trace that it is given', async () => {
    const [name] = readdirSync(join(root, 'fixtures/traces')).sort()
    const program = npmStart('--web', `fixtures/traces/${name}`)
    const [url] = await program.waitFor(PAGE_ADDRESS, 20_000)
    const { page, troubles } = await browser.newPage()
    await page.goto(url)
    const app = new RingscopePage(page)
    await app.show('timeline')
    expect(await app.drawnSpans()).toBeGreaterThan(0)
    expect(troubles()).toEqual([])
  })
})

describe.runIf(process.platform === 'linux')('npm start with Electron and a display', () => {
  it('starts Electron on the app with what the user gave, and says so when it has to go without the sandbox', async () => {
    const home = temporaryFolder()
    writeFileSync(join(home, 'electron'), '#!/bin/sh\necho "started with: $@"\nexit 7\n', { mode: 0o755 })
    const program = startProgram(process.execPath, ['scripts/start.mjs', 'package.json'], {
      cwd: root, env: { ...cleanEnvironment(home), ELECTRON_OVERRIDE_DIST_PATH: home, DISPLAY: ':99' },
    })
    expect(await program.exited).toEqual({ code: 7, signal: null })
    expect(program.stdout()).toMatch(new RegExp(`^started with: ${root}( --no-sandbox)? ${join(root, 'package.json')}$`, 'm'))
    expect(program.stdout().includes(' --no-sandbox ')).toBe(/: starting Electron with --no-sandbox$/m.test(program.stdout()))
    if (process.getuid?.() === 0) expect(program.stdout()).toContain('running as root: starting Electron with --no-sandbox')
  })
})

describe('npm start -- nonsense', () => {
  it('refuses both hosts at once', async () => {
    const program = npmStart('--web', '--electron')
    expect((await program.exited).code).toBe(2)
    expect(program.stderr()).toMatch(/one of --electron and --web/)
  })
})

it('.ci/run is the README\'s test command', () => {
  const ciRun = readFileSync(join(root, '.ci/run'), 'utf8').trim().split('\n').at(-1)
  expect(ciRun).toBe('npm test')
  expect(existsSync(join(root, 'README.md')) ? readFileSync(join(root, 'README.md'), 'utf8') : '').toContain('npm test')
})
