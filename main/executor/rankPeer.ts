import { parseFromRank, type FromRank, type ToRankMessage } from '../../kernels/rank/protocol.ts'
import type { RankProgress } from '../../preload/contract/run.ts'
import type { RankExit, RankProcess } from './rankHost.ts'

const LONGEST_STDERR = 4000

/** What a rank's process does that concerns the whole run. */
export interface RankPeerEvents {
  message(peer: RankPeer, message: FromRank): void
  /** A message that is not in the protocol. */
  garbled(peer: RankPeer, error: Error): void
  exited(peer: RankPeer, exit: RankExit): void
}

/** The supervisor's picture of one rank: its process and what it last said. */
export class RankPeer {
  readonly rank: number
  /** When it last said anything, `performance.now()`. */
  lastHeardMs = performance.now()
  progress: RankProgress
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>
  readonly #process: RankProcess
  readonly #awaited = new Map<FromRank['type'], (message: FromRank) => void>()
  #stderr = ''

  constructor(rank: number, process: RankProcess, events: RankPeerEvents) {
    this.rank = rank
    this.progress = { rank, iteration: 0, step: 0, state: 'starting' }
    this.#process = process
    process.onMessage((input) => {
      this.lastHeardMs = performance.now()
      let message: FromRank
      try {
        message = parseFromRank(input, rank)
      } catch (error) {
        events.garbled(this, error as Error)
        return
      }
      events.message(this, message)
      this.#awaited.get(message.type)?.(message)
    })
    process.onStderr((text) => {
      this.#stderr = (this.#stderr + text).slice(-LONGEST_STDERR)
    })
    this.gone = new Promise((resolve) => {
      process.onExit((exit) => {
        resolve()
        events.exited(this, exit)
      })
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** The last line that names an error in what the process wrote, or its last line; null when it wrote nothing. */
  get lastWords(): string | null {
    const lines = this.#stderr.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('at '))
    return lines.findLast((line) => /error|fatal|abort/i.test(line)) ?? lines.at(-1) ?? null
  }

  /** It is known to have come this far: moves its progress forward, never back. */
  reached(iteration: number, step: number): void {
    const { progress } = this
    if (iteration < progress.iteration || (iteration === progress.iteration && step <= progress.step)) return
    this.progress = { ...progress, iteration, step }
  }

  send(message: ToRankMessage): void {
    this.#process.send(message)
  }

  /** The rank's next message of this type. Asked for before what provokes it is sent. */
  next<T extends FromRank['type']>(type: T): Promise<Extract<FromRank, { type: T }>> {
    return new Promise((resolve) => {
      this.#awaited.set(type, (message) => {
        this.#awaited.delete(type)
        resolve(message as Extract<FromRank, { type: T }>)
      })
    })
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }
}
