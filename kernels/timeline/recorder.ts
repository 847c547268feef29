import { CATEGORY_CODE, type Payload, PAYLOAD_CODE, type RankLane, RANK_LANES, type SpanCategory } from './categories.ts'

/** Where a span belongs in the run. -1 where it does not apply. */
export interface SpanPlace {
  readonly iteration: number
  readonly step: number
}

export interface SpanFacts {
  /** The rank at the other end, for sends, receives and waits. */
  readonly peer?: number
  readonly bytes?: number
  readonly flops?: number
  /** CPU time of the recording thread during the span, in ns. */
  readonly cpuNs?: number
  /** Joins a send to its receive: unique in the run, the same number at both ends. */
  readonly hop?: number
  /** What a send or receive carries, and what a wait waits for. */
  readonly payload?: Payload
}

/** Columns of finished spans, as they cross from a rank to its supervisor. One entry a span in every array. */
export interface SpanBatch {
  readonly lane: Uint8Array
  readonly category: Uint8Array
  /** ns from the run's origin, integers. */
  readonly startNs: Float64Array
  readonly endNs: Float64Array
  readonly iteration: Int32Array
  readonly step: Int32Array
  /** -1 where there is none. */
  readonly peer: Int32Array
  readonly hop: Int32Array
  /** Code of {@link Payload}, 0 where there is none. */
  readonly payload: Uint8Array
  /** NaN where it does not apply. */
  readonly bytes: Float64Array
  readonly flops: Float64Array
  readonly cpuNs: Float64Array
}

const newColumns = (capacity: number): SpanBatch => ({
  lane: new Uint8Array(capacity), category: new Uint8Array(capacity),
  startNs: new Float64Array(capacity), endNs: new Float64Array(capacity),
  iteration: new Int32Array(capacity), step: new Int32Array(capacity),
  peer: new Int32Array(capacity), hop: new Int32Array(capacity),
  payload: new Uint8Array(capacity),
  bytes: new Float64Array(capacity), flops: new Float64Array(capacity), cpuNs: new Float64Array(capacity),
})

const LANE_CODE = Object.fromEntries(RANK_LANES.map((lane, code) => [lane, code])) as Readonly<Record<RankLane, number>>

/** Records spans into preallocated columns; `take` hands over what has gathered. One recorder a thread. */
export class SpanRecorder {
  #columns: SpanBatch
  #count = 0
  readonly #capacity: number

  /** @param capacity spans held before `take` must have been called; recording past it throws RangeError. */
  constructor(capacity = 4096) {
    this.#capacity = capacity
    this.#columns = newColumns(capacity)
  }

  get count(): number {
    return this.#count
  }

  record(lane: RankLane, category: SpanCategory, startNs: number, endNs: number, place: SpanPlace, facts: SpanFacts = {}): void {
    const at = this.#count
    if (at === this.#capacity) throw new RangeError(`span recorder full at ${this.#capacity}: take() was not called`)
    const columns = this.#columns
    columns.lane[at] = LANE_CODE[lane]
    columns.category[at] = CATEGORY_CODE[category]
    columns.startNs[at] = startNs
    columns.endNs[at] = endNs
    columns.iteration[at] = place.iteration
    columns.step[at] = place.step
    columns.peer[at] = facts.peer ?? -1
    columns.hop[at] = facts.hop ?? -1
    columns.payload[at] = PAYLOAD_CODE[facts.payload ?? 'none']
    columns.bytes[at] = facts.bytes ?? Number.NaN
    columns.flops[at] = facts.flops ?? Number.NaN
    columns.cpuNs[at] = facts.cpuNs ?? Number.NaN
    this.#count = at + 1
  }

  /** The spans since the last call, as copies that may be transferred; the recorder is empty afterwards. */
  take(): SpanBatch {
    const end = this.#count
    const columns = this.#columns
    this.#count = 0
    return {
      lane: columns.lane.slice(0, end), category: columns.category.slice(0, end),
      startNs: columns.startNs.slice(0, end), endNs: columns.endNs.slice(0, end),
      iteration: columns.iteration.slice(0, end), step: columns.step.slice(0, end),
      peer: columns.peer.slice(0, end), hop: columns.hop.slice(0, end),
      payload: columns.payload.slice(0, end),
      bytes: columns.bytes.slice(0, end), flops: columns.flops.slice(0, end), cpuNs: columns.cpuNs.slice(0, end),
    }
  }
}
