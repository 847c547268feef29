import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { type Plan, planRun } from '../../kernels/plan/plan.ts'
import { splitWait } from '../../kernels/rank/splitWait.ts'
import { CATEGORY_CODE, RANK_LANES, type RankLane, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import { spanName } from '../executor/spanNames.ts'
import { type NewSpan, type Timeline, TimelineBuilder } from '../timeline/timeline.ts'
import { type RingSchedule, ringSchedule, scheduleAt, type SimulationRates } from './ringSchedule.ts'

export type { SimulationRates } from './ringSchedule.ts'

type Facts = Pick<NewSpan, 'step' | 'peer' | 'hop' | 'bytes' | 'flops'>

/** Writes a schedule as spans; ends are rounded to whole ns, each instant in one way, so that neighbours still touch. */
class SimulationWriter {
  readonly #builder: TimelineBuilder
  readonly #lanes: readonly Readonly<Record<RankLane, number>>[]

  constructor(title: string, world: number) {
    this.#builder = new TimelineBuilder(title, 'simulation')
    this.#lanes = Array.from({ length: world }, (_, rank) => Object.fromEntries(RANK_LANES.map((name, tid) =>
      [name, this.#builder.addLane({ rank, name: `Rank ${rank} · ${name}`, pid: rank, tid })])) as Record<RankLane, number>)
  }

  span(rank: number, lane: RankLane, category: SpanCategory, startNs: number, endNs: number, facts: Facts): void {
    const start = Math.round(startNs)
    const { step = -1, peer = -1, flops = Number.NaN } = facts
    const name = spanName({ category, rank, world: this.#lanes.length, step, peer, flops })
    this.#builder.append({
      lane: this.#lanes[rank][lane], category: CATEGORY_CODE[category], name: this.#builder.intern(name),
      startNs: start, durationNs: Math.round(endNs) - start, iteration: 0, ...facts,
    })
  }

  timeline(run: RunRecord): Timeline {
    return this.#builder.timeline(run)
  }
}

function writeRank(writer: SimulationWriter, plan: Plan, schedule: RingSchedule, rank: number): void {
  const { world } = plan
  const sender = (rank + world - 1) % world
  for (const { step, pairs, send, recv } of plan.ranks[rank].steps) {
    const at = scheduleAt(world, rank, step)
    const incomingAt = scheduleAt(world, sender, step)
    if (pairs > 0) {
      writer.span(rank, 'compute', 'compute', schedule.enterNs[at], schedule.attendEndNs[at],
        { step, flops: pairs * plan.flopsPerPair })
      if (schedule.computeEndNs[at] > schedule.attendEndNs[at]) {
        writer.span(rank, 'compute', 'compute', schedule.attendEndNs[at], schedule.computeEndNs[at], { step })
      }
    }
    if (send === null || recv === null) continue
    const senderStartNs = schedule.hopStartNs[incomingAt]
    const arrival = { senderStartNs, startNs: senderStartNs + schedule.latencyNs, endNs: schedule.hopArrivedNs[incomingAt] }
    const departure = { startNs: schedule.hopStartNs[at], endNs: schedule.hopSentNs[at] }
    writer.span(rank, 'send', 'send', departure.startNs, departure.endNs,
      { step, peer: send.peer, bytes: send.bytes, hop: at })
    writer.span(rank, 'recv', 'recv', arrival.startNs, arrival.endNs,
      { step, peer: recv.peer, bytes: recv.bytes, hop: incomingAt })
    const waitFromNs = schedule.computeEndNs[at]
    const waitToNs = schedule.enterNs[scheduleAt(world, rank, step + 1)]
    // Divided as the executor divides its own waits.
    const { on, movingFromNs } = splitWait(waitFromNs, waitToNs, arrival, departure)
    const facts = { step, peer: on === 'previous' ? recv.peer : send.peer }
    if (movingFromNs > waitFromNs) writer.span(rank, 'compute', 'wait-peer', waitFromNs, movingFromNs, facts)
    if (waitToNs > movingFromNs) writer.span(rank, 'compute', 'wait-link', movingFromNs, waitToNs, facts)
  }
}

/**
 * Times a config's plan with a cost model instead of running it: one iteration, all ranks, the spans and lanes of a run.
 * A pure function; see {@link ringSchedule} for the model. The record says `modelled`: nothing here was measured.
 */
export function simulate(config: RunConfig, rates: SimulationRates): Timeline {
  const plan = planRun(config)
  const schedule = ringSchedule(plan, rates, config.overlap, config.stragglers)
  const writer = new SimulationWriter(`${config.name} (simulated)`, plan.world)
  for (let rank = 0; rank < plan.world; rank++) writeRank(writer, plan, schedule, rank)
  return writer.timeline({
    config,
    backend: 'modelled',
    device: `simulated, ${rates.gflopsPerRank} GFLOP/s per rank`,
    transport: config.transport === 'socket' ? 'socket' : 'shared-memory',
    modelled: true,
    warnings: [],
    iterations: [{ iteration: 0, warmup: false, startNs: 0, endNs: Math.round(schedule.makespanNs) }],
    clocks: [],
    recorderOverheadNs: 0,
    causalityViolations: 0,
    verification: null,
    outputChecksum: null,
    failure: null,
    startedAt: new Date(0).toISOString(),
  })
}
