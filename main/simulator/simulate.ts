import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { flopsPerPairIn, type Move, type Plan, type StepPlan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { SettledMove } from '../../kernels/rank/mover.ts'
import { splitWait } from '../../kernels/rank/splitWait.ts'
import { CATEGORY_CODE, laneOf, type Payload, PAYLOAD_CODE, RANK_LANES, type RankLane, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { RunRecord } from '../../preload/contract/run.ts'
import { spanName } from '../executor/spanNames.ts'
import { addRankLanes, type RankLaneIndices } from '../timeline/rankLanes.ts'
import { type NewSpan, type Timeline, TimelineBuilder } from '../timeline/timeline.ts'
import { type PlanSchedule, planSchedule, type SimulationRates } from './planSchedule.ts'

export type { SimulationRates } from './planSchedule.ts'

type Facts = Pick<NewSpan, 'step' | 'peer' | 'hop' | 'bytes' | 'flops'> & { readonly payload?: Payload | 'none' }

/** Writes a schedule as spans; ends are rounded to whole ns, each instant in one way, so that neighbours still touch. */
class SimulationWriter {
  readonly #builder: TimelineBuilder
  readonly #plan: Plan
  readonly #lanes: RankLaneIndices

  constructor(title: string, plan: Plan) {
    this.#builder = new TimelineBuilder(title, 'simulation')
    this.#plan = plan
    this.#lanes = addRankLanes(this.#builder, plan)
  }

  span(rank: number, lane: RankLane, category: SpanCategory, startNs: number, endNs: number, { payload = 'none', ...facts }: Facts): void {
    const start = Math.round(startNs)
    const { step = -1, peer = -1, flops = Number.NaN } = facts
    const name = spanName(this.#plan, { category, rank, lane, step, peer, payload, flops })
    this.#builder.append({
      lane: this.#lanes[rank][RANK_LANES.indexOf(lane)], category: CATEGORY_CODE[category], name: this.#builder.intern(name),
      startNs: start, durationNs: Math.round(endNs) - start, iteration: 0, payload: PAYLOAD_CODE[payload], ...facts,
    })
  }

  timeline(run: RunRecord): Timeline {
    return this.#builder.timeline(run)
  }
}

/** A move of a step as the executor reports it when it is over. */
function settledMove({ moves, moveOf }: PlanSchedule, direction: 'send' | 'recv', move: Move): SettledMove {
  const at = moveOf(move.hop)
  const readyNs = moves.readyNs[at]
  return direction === 'send'
    ? { direction, move, times: { readyNs, startNs: moves.startNs[at], endNs: moves.sentNs[at] } }
    : { direction, move, times: { senderStartNs: readyNs, startNs: moves.arrivingNs[at], endNs: moves.arrivedNs[at] } }
}

const postedMoves = (schedule: PlanSchedule, { sends, recvs }: StepPlan): SettledMove[] => [
  ...sends.map((move) => settledMove(schedule, 'send', move)),
  ...recvs.map((move) => settledMove(schedule, 'recv', move)),
]

function writeRank(writer: SimulationWriter, schedule: PlanSchedule, rank: number, overlap: boolean): void {
  const { plan, steps: times } = schedule
  /** Moves under way: posted and not settled yet. */
  let open: readonly SettledMove[] = []
  for (const step of plan.ranks[rank].steps) {
    const at = schedule.at(rank, step.step)
    const { pass, pairs } = step
    if (pairs > 0) {
      const flops = pairs * flopsPerPairIn(plan, pass)
      writer.span(rank, 'compute', 'compute', times.enterNs[at], times.attendEndNs[at], { step: step.step, flops })
      if (times.computeEndNs[at] > times.attendEndNs[at]) {
        writer.span(rank, 'compute', 'compute', times.attendEndNs[at], times.computeEndNs[at], { step: step.step })
      }
    }
    open = [...open, ...postedMoves(schedule, step)]
    const isDue = ({ move }: SettledMove): boolean => !overlap || move.settleStep <= step.step
    const [first, ...others] = open.filter(isDue)
    open = open.filter((move) => !isDue(move))
    if (first === undefined) continue
    writeWait(writer, rank, step.step, times.computeEndNs[at], times.leaveNs[at], [first, ...others])
    for (const { direction, move: { channel, peer, bytes, hop, payload }, times: { startNs, endNs } } of [first, ...others]) {
      writer.span(rank, laneOf(channel, direction), direction, startNs, endNs, { step: step.step, peer, bytes, hop, payload })
    }
  }
}

/** Divided as the executor divides its own waits. */
function writeWait(writer: SimulationWriter, rank: number, step: number, startNs: number, endNs: number,
  due: readonly [SettledMove, ...SettledMove[]]): void {
  for (const { category, move: { peer, payload }, ...part } of splitWait(startNs, endNs, due)) {
    writer.span(rank, 'compute', category, part.startNs, part.endNs, { step, peer, payload })
  }
}

/**
 * Times a config's plan with a cost model instead of running it: one iteration, all ranks, the spans and lanes of a run.
 * A pure function; see {@link planSchedule} for the model. The record says `modelled`: nothing here was measured.
 */
export function simulate(config: RunConfig, rates: SimulationRates): Timeline {
  const plan = planRun(config)
  const schedule = planSchedule(plan, rates, config.overlap, config.stragglers)
  const writer = new SimulationWriter(`${config.name} (simulated)`, plan)
  for (let rank = 0; rank < plan.world; rank++) writeRank(writer, schedule, rank, config.overlap)
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
