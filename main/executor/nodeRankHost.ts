import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

import type { RankExit, RankHost, RankProcess } from './rankHost.ts'

/** Node's `fork` with structured clone as its message format. */
class ForkedProcess implements RankProcess {
  readonly #child: ChildProcess
  readonly #exitListeners: ((exit: RankExit) => void)[] = []
  #exit: RankExit | null = null

  constructor(child: ChildProcess) {
    this.#child = child
    child.once('exit', (code, signal) => {
      this.#ended({ code, signal })
    })
    // A process that never started emits `error` and no `exit`. A failed send emits `error` too,
    // and its `exit` follows: only the first case has no pid.
    child.on('error', () => {
      if (child.pid === undefined) {
        this.#ended({ code: null, signal: null })
      }
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: unknown): void {
    if (this.#exit !== null || !this.#child.connected) {
      return
    }
    // The callback keeps a send to a process that is just ending from raising: its exit is
    // reported by `onExit`.
    this.#child.send(message as object, () => undefined)
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#child.on('message', listener)
  }

  onExit(listener: (exit: RankExit) => void): void {
    const exit = this.#exit
    if (exit === null) {
      this.#exitListeners.push(listener)
    } else {
      queueMicrotask(() => {
        listener(exit)
      })
    }
  }

  onStderr(listener: (text: string) => void): void {
    this.#child.stderr?.setEncoding('utf8').on('data', listener)
  }

  kill(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): void {
    if (this.#exit === null) {
      this.#child.kill(signal)
    }
  }

  #ended(exit: RankExit): void {
    if (this.#exit !== null) {
      return
    }
    this.#exit = exit
    for (const listener of this.#exitListeners.splice(0)) {
      listener(exit)
    }
  }
}

/** Starts children with the Node that runs this process; used by the CLI, the web host and tests. */
export function nodeRankHost(): RankHost {
  return {
    spawn(entry, options) {
      const child = fork(entry, [], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        env: { ...process.env, ...options.env },
        // Flags meant for the parent (an inspector port, a loader of the test runner) would
        // collide or slow the children down.
        execArgv: [],
      })
      return new ForkedProcess(child)
    },
  }
}
