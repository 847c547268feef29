import type { utilityProcess as electronUtilityProcess } from 'electron'
import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { app, onExit } from './app.ts'

type Surface = Pick<Electron.UtilityProcess, 'pid' | 'stdout' | 'stderr' | 'postMessage' | 'kill' | 'on' | 'once' | 'off'>

const running = new Set<ChildProcess>()
onExit(() => {
  // Chromium ends its service processes with itself.
  for (const child of running) child.kill('SIGKILL')
  return Promise.resolve()
})

/** A plain Node child that sees `process.parentPort` and no `process.send`, as in a utility process. */
class UtilityProcessDouble extends EventEmitter implements Surface {
  readonly #child: ChildProcess
  #spawned = false
  readonly #early: unknown[] = []

  constructor(modulePath: string, args: string[], options: Electron.ForkOptions) {
    super()
    const stdio = options.stdio ?? 'inherit'
    const [, stdout, stderr] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio]
    this.#child = fork(modulePath, args, {
      serialization: 'advanced', cwd: options.cwd,
      env: (options.env ?? process.env) as NodeJS.ProcessEnv,
      execArgv: ['--import', join(import.meta.dirname, 'parentPort.ts'), ...(options.execArgv ?? [])],
      stdio: ['ignore', stdout as 'pipe', stderr as 'pipe', 'ipc'],
    })
    running.add(this.#child)
    this.#child.once('spawn', () => {
      this.#spawned = true
      this.emit('spawn')
      for (const message of this.#early.splice(0)) this.#child.send(message as object)
    })
    this.#child.on('message', (message) => { this.emit('message', message) })
    this.#child.once('exit', (code, signal) => {
      running.delete(this.#child)
      this.#spawned = false
      this.emit('exit', code ?? (signal === null ? 1 : constants.signals[signal]))
    })
  }

  get pid(): number | undefined { return this.#spawned ? this.#child.pid : undefined }
  get stdout(): Readable | null { return this.#child.stdout }
  get stderr(): Readable | null { return this.#child.stderr }

  postMessage(message: unknown, transfer: readonly unknown[] = []): void {
    if (transfer.length > 0) throw new TypeError('only MessagePorts can be transferred, and the double has none')
    if (this.#spawned) this.#child.send(message as object)
    else this.#early.push(message)
  }

  kill(): boolean { return this.#child.kill('SIGTERM') }
}

export const utilityProcess = {
  fork(modulePath: string, args: string[] = [], options: Electron.ForkOptions = {}) {
    if (!app.isReady()) throw new Error('utilityProcess cannot be created before app is ready.')
    return new UtilityProcessDouble(modulePath, args, options) as unknown as Electron.UtilityProcess
  },
} satisfies Pick<typeof electronUtilityProcess, 'fork'>
