/** Starts the command line as a user does, from its source entry. For tests. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'

export const repository = resolve(import.meta.dirname, '../../..')
export const fixture = (name: string): string => resolve(repository, 'fixtures/configs', name)

let ownUserDir: string | null = null

/** What a test's programs keep for their user stays out of the user's own folder. */
function userConfigDir(): string {
  if (ownUserDir === null) {
    const made = mkdtempSync(join(tmpdir(), 'ringscope-user-'))
    process.once('exit', () => { rmSync(made, { recursive: true, force: true }) })
    ownUserDir = made
  }
  return join(ownUserDir, 'configs')
}

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly stdout: () => string
  readonly ended: Promise<Outcome>
}

export function startCli(args: readonly string[], env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'index.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'], cwd: repository, env: { ...process.env, NODE_OPTIONS: '', RINGSCOPE_CONFIG_DIR: userConfigDir(), ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const ended = new Promise<Outcome>((done) => {
    child.on('close', (code) => { done({ code, stdout, stderr }) })
  })
  return { child, stdout: () => stdout, ended }
}

export const runCli = (...args: readonly string[]): Promise<Outcome> => startCli(args).ended

const ignoreGone = <T>(read: () => T, gone: T): T => {
  try {
    return read()
  } catch {
    return gone
  }
}

/** Processes whose parent is `pid` and whose command line holds `text`. Linux only. */
export function childrenOf(pid: number, text: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((candidate) => {
    const status = ignoreGone(() => readFileSync(`/proc/${candidate}/status`, 'utf8'), '')
    const command = ignoreGone(() => readFileSync(`/proc/${candidate}/cmdline`, 'utf8'), '')
    return new RegExp(`^PPid:\\s+${pid}$`, 'm').test(status) && command.includes(text)
  })
}

/** Resolves when `condition` holds; the test's own time limit ends a wait that never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((next) => { setTimeout(next, 20) })
}
