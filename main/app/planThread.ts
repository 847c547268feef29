import { Worker } from 'node:worker_threads'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { pagePlan } from './pagePlan.ts'

/** Up to here a plan takes a tenth of a second at most; the time grows with the square of the ranks. */
const MOST_RANKS_AT_ONCE = 256

function inThread(entry: string, config: RunConfig): Promise<PlanReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, { workerData: config })
    // The thread's own entry answers with nothing else.
    worker.once('message', (plan: PlanReport) => { resolve(plan) })
    worker.once('error', reject)
    worker.once('exit', (code) => { reject(new Error(`the plan thread ended with code ${code} and no plan`)) })
  })
}

/**
 * Makes the plans that pages ask for while they edit. A run under way is supervised on this thread, and the window is
 * served by it: plans of large worlds are made on another one, one at a time, since each takes much memory.
 */
export class Planner {
  readonly #entry: string
  #last: Promise<unknown> = Promise.resolve()

  /** @param entry module of the plan thread. */
  constructor(entry: string) {
    this.#entry = entry
  }

  /** The same as {@link pagePlan}. */
  async plan(config: RunConfig): Promise<PlanReport> {
    if (config.world <= MOST_RANKS_AT_ONCE) return pagePlan(config)
    const turn = this.#last.then(() => inThread(this.#entry, config))
    // The next one's turn comes however this one ends.
    this.#last = turn.catch(() => undefined)
    return await turn
  }
}
