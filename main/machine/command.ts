import { execFile } from 'node:child_process'

export type CommandOutcome =
  | { readonly kind: 'done'; readonly stdout: string }
  /** The program is not on this machine. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly message: string }

/** Runs a system program without a shell. Never rejects. */
export type RunCommand = (program: string, args: readonly string[]) => Promise<CommandOutcome>

const TIMEOUT_MS = 10_000

export const runCommand: RunCommand = (program, args) => new Promise((resolve) => {
  execFile(program, [...args], { timeout: TIMEOUT_MS, windowsHide: true }, (error, stdout, stderr) => {
    if (error === null) resolve({ kind: 'done', stdout })
    else if (error.code === 'ENOENT') resolve({ kind: 'missing' })
    else {
      const reason = error.killed === true ? `no answer within ${TIMEOUT_MS / 1000} s` : stderr.trim() || stdout.trim() || error.message
      resolve({ kind: 'failed', message: reason })
    }
  })
})
