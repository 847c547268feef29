import { Worker } from 'node:worker_threads'

/**
 * Starts a thread that answers with one message and ends.
 * @param entry its module, which answers with nothing but a `T`.
 * @param what it makes, for the error where it ends without.
 * @param signal ends the thread; what it is aborted with is the rejection, once the thread and its memory are gone.
 */
export function threadAnswer<T>(entry: string, workerData: unknown, what: string, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const worker = new Worker(entry, { workerData })
    signal?.addEventListener('abort', () => void worker.terminate(), { once: true })
    worker.once('message', (answer: T) => { resolve(answer) })
    worker.once('error', reject)
    worker.once('exit', (code) => {
      reject(signal?.aborted === true ? signal.reason as Error : new Error(`the thread ended with code ${code} and without ${what}`))
    })
  })
}

/** Lets one piece of work go on at a time, in the order they were asked for; what goes wrong with one is no matter to the next. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  async take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return await turn
  }
}
