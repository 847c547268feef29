import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findInstallation } from '../../installation.ts'
import type { CliContext } from './context.ts'
import { EXIT } from './exitCodes.ts'
import { runCommandLine } from './program.ts'
import { until } from './testing.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-serve-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

interface Session {
  readonly context: CliContext
  readonly stop: AbortController
  readonly stdout: () => string
  readonly stderr: () => string
}

/** A command line over a page of one file. */
function session(): Session {
  const stop = new AbortController()
  let out = ''
  let err = ''
  return {
    stop, stdout: () => out, stderr: () => err,
    context: {
      installation: { ...findInstallation(), rendererDir: join(folder, 'renderer') },
      terminal: {
        showsResults: false,
        out: (text) => {
          out += text
          return Promise.resolve()
        },
        note: (text) => { err += `${text}\n` },
        progress: () => undefined,
      },
      cancel: stop.signal,
      exitCode: EXIT.done,
    },
  }
}

function buildPage(): void {
  mkdirSync(join(folder, 'renderer'))
  writeFileSync(join(folder, 'renderer/index.html'), '<title>Ringscope</title>')
}

describe('serve', () => {
  test('prints an address on loopback with a token, serves the page there, and ends with 0 when it is stopped', async () => {
    buildPage()
    const { context, stop, stdout, stderr } = session()
    const code = runCommandLine(['serve'], context)
    await Promise.race([code, until(() => stdout() !== '')])
    const url = stdout().trim()
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]+/)
    expect(await (await fetch(url)).text()).toContain('<title>Ringscope</title>')
    stop.abort()
    expect(await code).toBe(0)
    expect(stderr()).toBe('')
    await expect(fetch(url)).rejects.toThrow()
  })

  test('--json prints the address as one document', async () => {
    buildPage()
    const { context, stop, stdout } = session()
    const code = runCommandLine(['serve', '--json'], context)
    await Promise.race([code, until(() => stdout() !== '')])
    expect(JSON.parse(stdout())).toEqual({ url: expect.stringMatching(/^http:/) as string })
    stop.abort()
    expect(await code).toBe(0)
  })

  test('a page that is not built, and a file that is no trace, are refused with code 2 and nothing printed', async () => {
    const unbuilt = session()
    expect(await runCommandLine(['serve'], unbuilt.context)).toBe(2)
    expect(unbuilt.stderr()).toContain('npm run build')

    buildPage()
    writeFileSync(join(folder, 'no-trace.json'), '{"hello": 1}')
    const bad = session()
    expect(await runCommandLine(['serve', join(folder, 'no-trace.json')], bad.context)).toBe(2)
    expect(bad.stderr()).toContain('no-trace.json')
    expect(unbuilt.stdout() + bad.stdout()).toBe('')
  })
})
