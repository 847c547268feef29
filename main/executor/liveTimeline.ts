import { RANK_LANES, SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { SpanBatch } from '../../kernels/timeline/recorder.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import { TimelineBuilder, type Timeline } from '../timeline/timeline.ts'
import { spanName } from './spanNames.ts'

const COMPUTE_LANE = RANK_LANES.indexOf('compute')
const SEND = SPAN_CATEGORIES.indexOf('send')
const RECV = SPAN_CATEGORIES.indexOf('recv')

/** A run's timeline while it fills: one process a rank, one lane each for computing, sending and receiving. */
export class LiveTimeline {
  readonly #builder: TimelineBuilder
  readonly #world: number
  /** The end of a hop that was seen first, until the other one comes. */
  readonly #openHops = new Map<number, { readonly sendStartNs?: number; readonly recvEndNs?: number }>()
  readonly #lastComputeSpan: (string | null)[]
  #causalityViolations = 0

  constructor(title: string, world: number) {
    this.#builder = new TimelineBuilder(title, 'run')
    this.#world = world
    this.#lastComputeSpan = Array.from({ length: world }, () => null)
    for (let rank = 0; rank < world; rank++) {
      RANK_LANES.forEach((lane, tid) => this.#builder.addLane({ rank, name: `Rank ${rank} · ${lane}`, pid: rank, tid }))
    }
  }

  /** Hops that were received before they were sent: the clocks or the record are wrong. */
  get causalityViolations(): number {
    return this.#causalityViolations
  }

  /** Name of the last thing that a rank's compute thread is known to have done. */
  lastSpan(rank: number): string | null {
    return this.#lastComputeSpan[rank]
  }

  timeline(run: RunRecord): Timeline {
    return this.#builder.timeline(run)
  }

  append(rank: number, batch: SpanBatch): void {
    for (let index = 0; index < batch.lane.length; index++) {
      const category = batch.category[index]
      const name = spanName({
        category: SPAN_CATEGORIES[category], rank, world: this.#world,
        step: batch.step[index], peer: batch.peer[index], flops: batch.flops[index],
      })
      const startNs = batch.startNs[index]
      const endNs = batch.endNs[index]
      this.#builder.append({
        lane: rank * RANK_LANES.length + batch.lane[index], category, name: this.#builder.intern(name),
        startNs, durationNs: endNs - startNs,
        iteration: batch.iteration[index], step: batch.step[index], peer: batch.peer[index], hop: batch.hop[index],
        bytes: batch.bytes[index], flops: batch.flops[index], cpuNs: batch.cpuNs[index],
      })
      if (batch.lane[index] === COMPUTE_LANE) this.#lastComputeSpan[rank] = name
      if (category === SEND) this.#checkCausality(batch.hop[index], { sendStartNs: startNs })
      if (category === RECV) this.#checkCausality(batch.hop[index], { recvEndNs: endNs })
    }
  }

  #checkCausality(hop: number, end: { readonly sendStartNs?: number; readonly recvEndNs?: number }): void {
    const other = this.#openHops.get(hop)
    if (other === undefined) {
      this.#openHops.set(hop, end)
      return
    }
    this.#openHops.delete(hop)
    const { sendStartNs, recvEndNs } = { ...other, ...end }
    if (sendStartNs !== undefined && recvEndNs !== undefined && recvEndNs < sendStartNs) this.#causalityViolations++
  }
}
