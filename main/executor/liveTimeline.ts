import type { Plan } from '../../kernels/plan/plan.ts'
import { PAYLOADS, RANK_LANES, SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { SpanBatch } from '../../kernels/timeline/recorder.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import { addRankLanes, type RankLaneIndices } from '../timeline/rankLanes.ts'
import { TimelineBuilder, type Timeline } from '../timeline/timeline.ts'
import { spanName } from './spanNames.ts'

const COMPUTE_LANE = RANK_LANES.indexOf('compute')
const SEND = SPAN_CATEGORIES.indexOf('send')
const RECV = SPAN_CATEGORIES.indexOf('recv')

/** A run's timeline while it fills: one process a rank, a lane for computing and two for each channel that the plan uses. */
export class LiveTimeline {
  readonly #builder: TimelineBuilder
  readonly #plan: Plan
  readonly #lanes: RankLaneIndices
  /** The end of a hop that was seen first, until the other one comes. */
  readonly #openHops = new Map<number, { readonly sendStartNs?: number; readonly recvEndNs?: number }>()
  readonly #lastComputeSpan: (string | null)[]
  #causalityViolations = 0

  constructor(title: string, plan: Plan) {
    this.#builder = new TimelineBuilder(title, 'run')
    this.#plan = plan
    this.#lanes = addRankLanes(this.#builder, plan)
    this.#lastComputeSpan = Array.from({ length: plan.world }, () => null)
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

  /** @throws RangeError for a span on a lane that the plan gives no rank. */
  append(rank: number, batch: SpanBatch): void {
    for (let index = 0; index < batch.lane.length; index++) {
      const category = batch.category[index]
      const lane = this.#lanes[rank][batch.lane[index]]
      if (lane < 0) throw new RangeError(`rank ${rank} recorded a span on "${RANK_LANES[batch.lane[index]]}", a lane that its plan does not use`)
      const name = spanName(this.#plan, {
        category: SPAN_CATEGORIES[category], rank, lane: RANK_LANES[batch.lane[index]],
        step: batch.step[index], peer: batch.peer[index], payload: PAYLOADS[batch.payload[index]], flops: batch.flops[index],
      })
      const startNs = batch.startNs[index]
      const endNs = batch.endNs[index]
      this.#builder.append({
        lane, category, name: this.#builder.intern(name),
        startNs, durationNs: endNs - startNs,
        iteration: batch.iteration[index], step: batch.step[index], peer: batch.peer[index], hop: batch.hop[index],
        payload: batch.payload[index],
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
