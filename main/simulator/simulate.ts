import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { flopsPerPairIn, type Move, type Plan, type StepPlan } from '../../kernels/plan/plan.ts'
import type { SettledMove } from '../../kernels/rank/mover.ts'
import { splitWait } from '../../kernels/rank/splitWait.ts'
import { CATEGORY_CODE, laneOf, type Payload, PAYLOAD_CODE, RANK_LANES, type RankLane, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { RunFailure, RunRecord } from '../../preload/contract/run.ts'
import type { ClusterModel, Disturbance } from '../../preload/contract/simulation.ts'
import { spanName } from '../executor/spanNames.ts'
import { addRankLanes, type RankLaneIndices } from '../timeline/rankLanes.ts'
import { type NewSpan, type Timeline, TimelineBuilder } from '../timeline/timeline.ts'
import { planOnCluster, UNDISTURBED } from './circumstances.ts'
import { type PlanSchedule, planSchedule } from './planSchedule.ts'

type Facts = Pick<NewSpan, 'step' | 'peer' | 'hop' | 'bytes' | 'flops'> & { readonly payload?: Payload | 'none' }

/** Writes a schedule as spans; ends are rounded to whole ns, each instant in one way, so that neighbours still touch. */
class SimulationWriter {
  readonly #builder: TimelineBuilder
  readonly #plan: Plan
  readonly #lanes: RankLaneIndices
  /** What each rank did last, in words. */
  readonly #lastNames: (string | undefined)[] = []

  constructor(title: string, plan: Plan) {
    this.#builder = new TimelineBuilder(title, 'simulation')
    this.#plan = plan
    this.#lanes = addRankLanes(this.#builder, plan)
  }

  span(rank: number, lane: RankLane, category: SpanCategory, startNs: number, endNs: number, { payload = 'none', ...facts }: Facts): void {
    const start = Math.round(startNs)
    const { step = -1, peer = -1, flops = Number.NaN } = facts
    const name = spanName(this.#plan, { category, rank, lane, step, peer, payload, flops })
    if (lane === 'compute') this.#lastNames[rank] = name
    this.#builder.append({
      lane: this.#lanes[rank][RANK_LANES.indexOf(lane)], category: CATEGORY_CODE[category], name: this.#builder.intern(name),
      startNs: start, durationNs: Math.round(endNs) - start, iteration: 0, payload: PAYLOAD_CODE[payload], ...facts,
    })
  }

  lastName(rank: number): string | null {
    return this.#lastNames[rank] ?? null
  }

  timeline(run: RunRecord): Timeline {
    return this.#builder.timeline(run)
  }
}

/** A move of a step as the executor reports it when it is over. One that never began ends with all that is known, its peer late. */
function settledMove({ moves, makespanNs }: PlanSchedule, direction: 'send' | 'recv', move: Move): SettledMove {
  const { hop } = move
  const readyNs = moves.readyNs[hop]
  if (Number.isNaN(readyNs)) {
    const never = { startNs: makespanNs, endNs: makespanNs }
    return direction === 'send'
      ? { direction, move, times: { readyNs: makespanNs, ...never } }
      : { direction, move, times: { senderStartNs: makespanNs, ...never } }
  }
  return direction === 'send'
    ? { direction, move, times: { readyNs, startNs: moves.startNs[hop], endNs: moves.sentNs[hop] } }
    : { direction, move, times: { senderStartNs: readyNs, startNs: moves.arrivingNs[hop], endNs: moves.arrivedNs[hop] } }
}

const postedMoves = (schedule: PlanSchedule, { sends, recvs }: StepPlan): SettledMove[] => [
  ...sends.map((move) => settledMove(schedule, 'send', move)),
  ...recvs.map((move) => settledMove(schedule, 'recv', move)),
]

function writeRank(writer: SimulationWriter, schedule: PlanSchedule, rank: number, overlap: boolean): void {
  const { plan, steps: times, makespanNs, at: indexOf } = schedule
  const known = (ns: number): number => (Number.isNaN(ns) ? makespanNs : ns)
  /** Moves under way: posted and not settled yet. */
  let open: readonly SettledMove[] = []
  const writeMoves = (settled: readonly SettledMove[], stepOf: (move: Move) => number): void => {
    for (const { direction, move, times: { startNs, endNs } } of settled) {
      const { channel, peer, bytes, hop, payload } = move
      if (Number.isNaN(schedule.moves.startNs[hop])) continue
      writer.span(rank, laneOf(channel, direction), direction, startNs, endNs, { step: stepOf(move), peer, bytes, hop, payload })
    }
  }
  for (const step of plan.ranks[rank].steps) {
    const at = indexOf(rank, step.step)
    if (Number.isNaN(times.enterNs[at])) break
    const { pass, pairs } = step
    if (pairs > 0) {
      const flops = pairs * flopsPerPairIn(plan, pass)
      writer.span(rank, 'compute', 'compute', times.beginNs[at], times.attendEndNs[at], { step: step.step, flops })
      if (times.blockEndNs[at] > times.attendEndNs[at]) {
        writer.span(rank, 'compute', 'compute', times.attendEndNs[at], times.blockEndNs[at], { step: step.step })
      }
    }
    // As a run has it: of no step.
    if (times.computeEndNs[at] > times.blockEndNs[at]) writer.span(rank, 'compute', 'merge', times.blockEndNs[at], times.computeEndNs[at], {})
    open = [...open, ...postedMoves(schedule, step)]
    const isDue = ({ move }: SettledMove): boolean => !overlap || move.settleStep <= step.step
    const [first, ...others] = open.filter(isDue)
    open = open.filter((move) => !isDue(move))
    const leaveNs = known(times.leaveNs[at])
    if (first !== undefined) {
      writeWait(writer, rank, step.step, times.computeEndNs[at], leaveNs, [first, ...others])
      writeMoves([first, ...others], () => step.step)
    }
    if (step.step === plan.stepCount - 1) break
    const nextNs = times.enterNs[indexOf(rank, step.step + 1)]
    // A rank that died is gone; any other that goes no further waits at the barrier.
    const goesOnNs = schedule.death?.rank === rank && schedule.death.step === step.step + 1 ? schedule.death.timeNs : known(nextNs)
    if (goesOnNs > leaveNs) writer.span(rank, 'compute', 'barrier', leaveNs, goesOnNs, { step: step.step })
  }
  // Nobody settles these any more, but they took the wire.
  writeMoves(open, ({ settleStep }) => settleStep)
}

/** Divided as the executor divides its own waits. */
function writeWait(writer: SimulationWriter, rank: number, step: number, startNs: number, endNs: number,
  due: readonly [SettledMove, ...SettledMove[]]): void {
  for (const { category, move: { peer, payload }, ...part } of splitWait(startNs, endNs, due)) {
    writer.span(rank, 'compute', category, part.startNs, part.endNs, { step, peer, payload })
  }
}

function failureOf({ death }: PlanSchedule, writer: SimulationWriter): RunFailure | null {
  if (death === null) return null
  const { rank, step, timeNs } = death
  return {
    kind: 'crashed', rank, iteration: 0, step, lastSpan: writer.lastName(rank),
    message: `rank ${rank} died as it began step ${step}, ${(timeNs / 1e6).toPrecision(3)} ms into the iteration, as the simulation was told to let it`,
  }
}

/**
 * Times a config's plan on a cluster instead of running it: one iteration, all ranks, the spans and lanes of a run. A pure
 * function; see `evaluate` for the model. Straggler factors and overlap are the config's. The record says `modelled`: nothing
 * here was measured. Where a rank dies the record has the failure, and waits last until the end of what is known.
 * @throws InvalidInputError where the cluster or the disturbance does not fit the config.
 */
export function simulate(config: RunConfig, cluster: ClusterModel, disturbance: Disturbance = UNDISTURBED): Timeline {
  const plan = planOnCluster(config, cluster, disturbance)
  const schedule = planSchedule(plan, { cluster, disturbance, overlap: config.overlap, stragglers: config.stragglers })
  const writer = new SimulationWriter(`${config.name} (simulated)`, plan)
  for (let rank = 0; rank < plan.world; rank++) writeRank(writer, schedule, rank, config.overlap)
  return writer.timeline({
    config,
    backend: 'modelled',
    device: `simulated, ${cluster.label}`,
    transport: config.transport === 'socket' ? 'socket' : 'shared-memory',
    modelled: true,
    warnings: [],
    iterations: [{ iteration: 0, warmup: false, startNs: 0, endNs: Math.round(schedule.makespanNs) }],
    clocks: [],
    recorderOverheadNs: 0,
    causalityViolations: 0,
    verification: null,
    outputChecksum: null,
    failure: failureOf(schedule, writer),
    startedAt: new Date(0).toISOString(),
  })
}
