import type { Worker } from 'node:worker_threads'

const LOOK_MS = 100
/** Of the limit. What is left over is for what is allocated between two looks. */
const FULL = 0.8

/**
 * Watches how full a busy thread's heap is. V8 ends a thread that reaches its limit only where it happens to be able to,
 * and this whole process otherwise; so it must be stopped before.
 */
export class HeapWatch {
  readonly #worker: Pick<Worker, 'getHeapStatistics'>
  readonly #full: () => void
  #timer: NodeJS.Timeout | null = null
  #looking = false

  /** @param full is called, perhaps several times, when the heap is nearly full. */
  constructor(worker: Pick<Worker, 'getHeapStatistics'>, full: () => void) {
    this.#worker = worker
    this.#full = full
  }

  /** While the thread works. Harmless where it is watched already. */
  start(): void {
    if (this.#timer !== null) return
    this.#timer = setInterval(() => { void this.#look() }, LOOK_MS)
    this.#timer.unref()
  }

  /** While it waits for work, or is gone. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  async #look(): Promise<void> {
    // One look at a time: a thread that collects garbage answers late.
    if (this.#looking) return
    this.#looking = true
    try {
      const { used_heap_size: used, heap_size_limit: limit } = await this.#worker.getHeapStatistics()
      if (used > limit * FULL && this.#timer !== null) this.#full()
    } catch {
      // The thread has ended: there is nothing to watch.
      this.stop()
    } finally {
      this.#looking = false
    }
  }
}
