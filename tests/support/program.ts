import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { root } from './paths.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program under test with what it has printed so far. It is ended with the test, whatever happens. */
export interface Program {
  readonly child: ChildProcess
  readonly pid: number
  stdout(): string
  stderr(): string
  readonly exited: Promise<Exit>
  /** @returns the first match in stdout and stderr together. @throws Error with all output when it ends or takes too long */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
}

const POLL_MS = 20

/** @param options.ipc opens a channel for messages */
export function startProgram(
  command: string, args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv, readonly cwd?: string, readonly ipc?: boolean },
): Program {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root, env: options.env, stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc === true ? ['ipc' as const] : [])],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr?.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  let ended: Exit | null = null
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject)
    // 'close' comes when all output has been read.
    child.once('close', (code, signal) => {
      ended = { code, signal }
      resolve(ended)
    })
  })
  exited.catch(() => { /* reported by whoever waits */ })
  onTestFinished(async () => {
    if (ended !== null) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
    await exited
    clearTimeout(timer)
  })
  if (child.pid === undefined) throw new Error(`could not start ${command}`)
  return {
    child, pid: child.pid, exited,
    stdout: () => stdout,
    stderr: () => stderr,
    async waitFor(pattern, timeoutMs = 30_000) {
      const deadline = Date.now() + timeoutMs
      for (;;) {
        const found = pattern.exec(stdout) ?? pattern.exec(stderr)
        if (found !== null) return found
        if (ended !== null || Date.now() > deadline) {
          throw new Error(`${String(pattern)} did not appear in what ${command} ${args.join(' ')} printed`
            + ` (${ended === null ? `waited ${timeoutMs} ms` : `it ended with ${JSON.stringify(ended)}`}):\n${stdout}\n${stderr}`)
        }
        await sleep(POLL_MS)
      }
    },
  }
}
