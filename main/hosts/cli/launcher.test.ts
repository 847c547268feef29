import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const launcherSource = resolve(import.meta.dirname, '../../../bin/ringscope.mjs')
let root = ''
let launcher = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ringscope-launcher-'))
  mkdirSync(join(root, 'bin'))
  launcher = join(root, 'bin/ringscope.mjs')
  copyFileSync(launcherSource, launcher)
})
afterEach(() => {
  rmSync(root, { recursive: true })
})

function build(source: string): void {
  mkdirSync(join(root, 'out/main'), { recursive: true })
  writeFileSync(join(root, 'package.json'), '{"type": "module"}')
  writeFileSync(join(root, 'out/main/cli.js'), source)
}

/** A `node` of npm's that is this one under another path, and says so. */
function bringNode(): void {
  mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true })
  const node = join(root, 'node_modules/node/bin/node')
  writeFileSync(node, `#!/bin/sh\nBROUGHT=yes exec "${process.execPath}" "$@"\n`)
  chmodSync(node, 0o755)
}

const launch = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8' })

describe('bin/ringscope.mjs', () => {
  test.skipIf(process.platform === 'win32')('has its run bit', () => {
    expect(statSync(launcherSource).mode & 0o111).toBe(0o111)
  })

  test('says what to run when nothing is built', () => {
    expect(launch('run')).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('npm run build') as string })
  })

  test('runs the built command line with the arguments and passes its exit code on', () => {
    build('console.log(JSON.stringify(process.argv.slice(2))); process.exit(4)')
    expect(launch('run', 'a b.json', '--set', 'x=1')).toMatchObject({ status: 4, stdout: '["run","a b.json","--set","x=1"]\n' })
  })

  test.skipIf(process.platform === 'win32')('prefers the Node that npm brought', () => {
    build('console.log(process.env.BROUGHT); process.exit(3)')
    bringNode()
    expect(launch()).toMatchObject({ status: 3, stdout: 'yes\n' })
  })

  test.skipIf(process.platform === 'win32')('works through a link, as npm installs it', () => {
    build('console.log("here")')
    symlinkSync(launcher, join(root, 'ringscope'))
    expect(spawnSync(process.execPath, [join(root, 'ringscope')], { encoding: 'utf8' }).stdout).toBe('here\n')
  })

  test.skipIf(process.platform === 'win32')('passes signals on and waits for the command line to end', async () => {
    build('process.on("SIGTERM", () => { console.log("saved"); process.exit(130) }); console.log("ready"); setInterval(() => {}, 1000)')
    bringNode()
    const child = spawn(process.execPath, [launcher], { stdio: ['ignore', 'pipe', 'inherit'] })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (text.includes('ready')) child.kill('SIGTERM')
    })
    const code = await new Promise((ended) => { child.on('close', ended) })
    expect({ code, stdout }).toEqual({ code: 130, stdout: 'ready\nsaved\n' })
  })
})
