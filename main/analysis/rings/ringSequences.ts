import { ATTENTION, ATTENTION_BACKWARD, ATTENTION_MERGE } from '../../classify/kernelRules.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { deviceLanes } from '../traceRanks.ts'

/** The attention kernels that compute one block: one kernel, or the three of a backward pass. */
export interface AttentionUnit {
  readonly backward: boolean
  readonly startNs: number
  readonly endNs: number
  /** The recorded spans, in order of their starts. */
  readonly spans: readonly number[]
}

/** What one rank's device does that rings are recognised by, each in order of its starts. */
export interface RankSequence {
  readonly units: readonly AttentionUnit[]
  /** Starts of work that never happens within a ring pass: what projects to Q, K, V and from the output. */
  readonly separatorNs: readonly number[]
}

/** Kinds of the classification that lie between the passes of two layers, and never inside one. */
const SEPARATORS = ['matrix multiply', 'normalisation', 'optimizer', 'convolution', 'embedding', 'rotary embedding', 'loss', 'pooling', 'mixture of experts']

const FORWARD = 1
const BACKWARD = 2
const MERGE = 3
const SEPARATOR = 4

const roleOf = (kind: string): number =>
  kind === ATTENTION ? FORWARD : kind === ATTENTION_BACKWARD ? BACKWARD : kind === ATTENTION_MERGE ? MERGE : SEPARATORS.includes(kind) ? SEPARATOR : 0

/** Kernels of a unit that come before, and after, the one that does the work. */
const BEFORE = /dot_do_?o|pre_?process/i
const AFTER = /convert_d|post_?process|combine/i

interface Found {
  readonly span: number
  readonly role: number
  readonly startNs: number
  readonly lane: number
}

class UnitBuilder {
  readonly units: AttentionUnit[] = []
  #open: { backward: boolean; startNs: number; endNs: number; spans: number[]; hasMain: boolean } | null = null

  add(span: number, role: number, name: string, startNs: number, endNs: number): void {
    const after = role === MERGE || AFTER.test(name)
    const before = !after && BEFORE.test(name)
    const backward = role === MERGE ? this.#open?.backward ?? false : role === BACKWARD
    const joins = this.#open !== null && (after || (!this.#open.hasMain && this.#open.backward === backward))
    if (!joins) {
      this.close()
      // What is to be merged before anything was computed belongs to a pass that the trace does not hold.
      if (after) return
      this.#open = { backward, startNs, endNs, spans: [], hasMain: false }
    }
    if (this.#open === null) return
    this.#open.spans.push(span)
    this.#open.endNs = Math.max(this.#open.endNs, endNs)
    if (!before && !after) this.#open.hasMain = true
  }

  close(): void {
    if (this.#open !== null) {
      const { backward, startNs, endNs, spans } = this.#open
      this.units.push({ backward, startNs, endNs, spans })
    }
    this.#open = null
  }
}

function sequenceOf({ spans, strings }: Timeline, found: readonly Found[]): RankSequence {
  const builder = new UnitBuilder()
  const attentionLanes = new Set<number>()
  for (const { span, role, startNs, lane } of found) {
    if (role === SEPARATOR) continue
    if (role !== MERGE) attentionLanes.add(lane)
    builder.add(span, role, strings[spans.name[span]], startNs, startNs + spans.durationNs[span])
  }
  builder.close()
  return {
    units: builder.units,
    // Work beside the ring, on a stream of its own, separates nothing.
    separatorNs: found.filter(({ role, lane }) => role === SEPARATOR && attentionLanes.has(lane)).map(({ startNs }) => startNs),
  }
}

/** What the devices of the given ranks do, by rank; ranks without attention have no entry. */
export function rankSequences(timeline: Timeline, ranks: ReadonlySet<number>): Map<number, RankSequence> {
  const { spans, lanes, trace } = timeline
  const found = new Map<number, Found[]>()
  if (trace === null) return new Map()
  const roles = Uint8Array.from(trace.kindNames, roleOf)
  const device = deviceLanes(timeline)
  const wanted = Uint8Array.from(lanes, ({ rank }, lane) => (device[lane] === 1 && rank !== null && ranks.has(rank) ? 1 : 0))
  for (let span = 0; span < spans.count; span++) {
    const role = roles[trace.kind[span]]
    const lane = spans.lane[span]
    if (role === 0 || wanted[lane] === 0) continue
    const rank = lanes[lane].rank ?? -1
    let own = found.get(rank)
    if (own === undefined) found.set(rank, own = [])
    own.push({ span, role, startNs: spans.startNs[span], lane })
  }
  const sequences = new Map<number, RankSequence>()
  for (const [rank, own] of found) {
    own.sort((a, b) => a.startNs - b.startNs || a.span - b.span)
    const sequence = sequenceOf(timeline, own)
    if (sequence.units.length > 0) sequences.set(rank, sequence)
  }
  return sequences
}
