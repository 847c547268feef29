import { SpanRecorder } from '../timeline/recorder.ts'
import type { RankProgress } from './position.ts'
import type { FromRank } from './protocol.ts'

/** Between two reports of a rank in the middle of an iteration. */
const REPORT_INTERVAL_NS = 100e6
const RECORDER_CAPACITY = 16_384
/** What one step may record at most, generously: an all-to-all of the largest world is 2046 transfers and as many parts of a wait. */
const SPANS_PER_STEP = 4608

/** What a rank tells its supervisor while it works: seldom enough not to disturb what is measured. */
export class Reporter {
  readonly spans = new SpanRecorder(RECORDER_CAPACITY)
  readonly #send: (message: FromRank) => void
  readonly #now: () => number
  #lastNs = 0

  constructor(send: (message: FromRank) => void, now: () => number) {
    this.#send = send
    this.#now = now
  }

  /** Says where the rank is, and sends its spans, if it has not for a while. */
  step(progress: RankProgress): void {
    const nowNs = this.#now()
    if (nowNs - this.#lastNs < REPORT_INTERVAL_NS && this.spans.count < RECORDER_CAPACITY - SPANS_PER_STEP) return
    this.#lastNs = nowNs
    if (this.spans.count > 0) this.#send({ type: 'spans', batch: this.spans.take() })
    this.#send({ type: 'progress', ...progress })
  }

  /** Says where the rank is at once; outside the measured window. */
  progress(progress: RankProgress): void {
    this.#lastNs = this.#now()
    this.#send({ type: 'progress', ...progress })
  }

  iterationDone(iteration: number, endNs: number): void {
    this.#lastNs = this.#now()
    this.#send({ type: 'iteration-done', iteration, endNs, batch: this.spans.take() })
  }
}
