import { utilityProcess, type UtilityProcess } from 'electron'
import type { RankExit, RankHost, RankProcess } from '../../executor/rankHost.ts'

/** Electron's utility process: Node in a Chromium service process, so that the run-as-node fuse can be off. */
class UtilityRank implements RankProcess {
  readonly #child: UtilityProcess
  readonly #exitListeners: ((exit: RankExit) => void)[] = []
  readonly #stderrListeners: ((text: string) => void)[] = []
  #exit: RankExit | null = null
  /** Asked for before the process existed. */
  #killOnSpawn = false

  constructor(child: UtilityProcess) {
    this.#child = child
    child.once('spawn', () => {
      if (this.#killOnSpawn) this.kill('SIGKILL')
    })
    child.once('exit', (code) => {
      // A utility process does not say which signal ended it.
      this.#exit = { code, signal: null }
      for (const listener of this.#exitListeners.splice(0)) listener(this.#exit)
    })
    // Out of memory, for one. Without a listener this event would end the app, not only the rank; its exit follows.
    child.on('error', (type, location) => { this.#tellStderr(`${type} of V8 in ${location}\n`) })
    // Unread output would fill the pipe and block the rank.
    child.stdout?.on('data', () => undefined)
    child.stderr?.setEncoding('utf8')
    child.stderr?.on('data', (text: string) => { this.#tellStderr(text) })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: unknown): void {
    if (this.#exit === null) this.#child.postMessage(message)
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#child.on('message', listener)
  }

  onExit(listener: (exit: RankExit) => void): void {
    const exit = this.#exit
    if (exit === null) this.#exitListeners.push(listener)
    else queueMicrotask(() => { listener(exit) })
  }

  onStderr(listener: (text: string) => void): void {
    this.#stderrListeners.push(listener)
  }

  kill(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): void {
    if (this.#exit !== null) return
    const { pid } = this.#child
    if (pid === undefined) {
      this.#killOnSpawn = true
    } else if (signal === 'SIGTERM') {
      this.#child.kill()
    } else {
      // utilityProcess.kill only asks; a rank that hangs in native code does not hear it.
      killHard(pid)
    }
  }

  #tellStderr(text: string): void {
    for (const listener of this.#stderrListeners) listener(text)
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // Gone between its exit and our hearing of it.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Starts ranks as utility processes. Only after the app is ready. */
export function utilityRankHost(): RankHost {
  return {
    spawn(entry, { label, env }) {
      return new UtilityRank(utilityProcess.fork(entry, [], {
        serviceName: label,
        // A given environment replaces the parent's whole one.
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }))
    },
  }
}
