import { processState, type ProcessState } from './processState.ts'

/** A process that used this share of a core while silent is computing, not stuck. */
const BUSY_SHARE = 0.2
const TICKS_PER_MS = 0.1
/** A look that comes this late says that this process itself was suspended. */
const LATE_MS = 1000

/** One watched process. */
export interface Watched {
  readonly rank: number
  readonly pid: number | undefined
  /** When it was last heard, `performance.now()`. The watch moves it forward for a process that visibly works. */
  lastHeardMs: number
}

export interface Stall {
  readonly rank: number
  readonly silentMs: number
  readonly stopped: boolean
}

/**
 * Finds the process that has been silent too long. Waiting processes speak, and those in a long computation use the
 * CPU (where the system tells), so what is left is stopped, swapped out or deadlocked.
 */
export class StallWatch {
  readonly #allowanceMs: number
  readonly #stateOf: (pid: number) => ProcessState | null
  readonly #cpuAtHearing = new Map<number, { readonly heardMs: number; readonly cpuTicks: number }>()
  #lastLookMs: number | null = null

  /** @param stateOf what the system says of a process; null where it says nothing. */
  constructor(allowanceMs: number, stateOf: (pid: number) => ProcessState | null = processState) {
    this.#allowanceMs = allowanceMs
    this.#stateOf = stateOf
  }

  /** How often to look. */
  get intervalMs(): number {
    return Math.min(250, this.#allowanceMs / 4)
  }

  /** The process silent for longest, past the allowance; null when all is well. */
  look(processes: readonly Watched[], nowMs: number): Stall | null {
    const lateMs = this.#lastLookMs === null ? 0 : nowMs - this.#lastLookMs - this.intervalMs
    this.#lastLookMs = nowMs
    if (lateMs > LATE_MS) {
      // The whole machine or this process was asleep: the silence was ours.
      for (const watched of processes) watched.lastHeardMs = nowMs
    }
    let worst: Stall | null = null
    for (const watched of processes) {
      const silentMs = nowMs - watched.lastHeardMs
      if (silentMs < this.#allowanceMs / 4) continue
      const state = watched.pid === undefined ? null : this.#stateOf(watched.pid)
      const known = this.#cpuAtHearing.get(watched.rank)
      if (state !== null && known?.heardMs !== watched.lastHeardMs) {
        this.#cpuAtHearing.set(watched.rank, { heardMs: watched.lastHeardMs, cpuTicks: state.cpuTicks })
      }
      if (silentMs < this.#allowanceMs) continue
      if (state !== null && known !== undefined && known.heardMs === watched.lastHeardMs
        && state.cpuTicks - known.cpuTicks > BUSY_SHARE * TICKS_PER_MS * silentMs) {
        watched.lastHeardMs = nowMs
        continue
      }
      if (worst === null || silentMs > worst.silentMs) worst = { rank: watched.rank, silentMs, stopped: state?.stopped ?? false }
    }
    return worst
  }
}
