import type { RunConfig } from '../config/runConfig.ts'
import { CHANNELS, type Channel } from '../timeline/categories.ts'
import { type ElementBytes, elementBytesOf, planBasis, type PlanBasis } from './basis.ts'
import { type Seat, seatOf } from './geometry.ts'
import type { Plan, RankPlan, StepPlan, Traffic } from './plan.ts'
import { distflashPlanner } from './planners/distflash.ts'
import { doubleRingPlanner } from './planners/doubleRing.ts'
import { type Exchange, exchangeEmitter, exchangePass, EXCHANGES } from './planners/exchange.ts'
import type { Planner } from './planners/planner.ts'
import { ringPlanner } from './planners/ring.ts'
import { rankSteps } from './stepObjects.ts'

/** Matrix products of a block and a head: QK^T and PV forward; five of them backward (reference section 2.2). */
const FORWARD_FLOPS = 4
const BACKWARD_FLOPS = 10
/** A thousand ranks have millions of steps, a kilobyte each with their moves: those of so many ranks are held at once. */
const MOST_RANKS_KEPT = 128

/**
 * Everything that follows from a config alone. Pure; a rank's steps are made when they are read.
 * @param elementBytes of what travels, where it is not what the executor would send.
 */
export function planRun(config: RunConfig, elementBytes: ElementBytes = elementBytesOf(config)): Plan {
  const basis = planBasis(config, elementBytes)
  const planner = plannerOf(basis)
  const { geometry, computeTokens, shardTokens, paddedSeqLen, pairItems } = basis
  const { world, degree, ringSize, batch } = geometry
  const numbering = numberHops(basis, planner)
  const { stepCount, hopNumbers } = numbering
  const load = forwardLoad(basis, planner, basis.pairs)
  const traffic = allTraffic(basis, planner)
  const transfers = traffic.filter(({ pass, payload }) => pass === 'forward' && payload === (rotates(basis) ? 'kv' : 'qkv'))
  const headItems = (batch / pairItems) * (config.heads / degree) * config.headDim
  const seats = Array.from({ length: world }, (_, rank) => seatOf(geometry, rank))

  /** Of the ranks whose steps were made last. */
  const kept = new Map<number, StepPlan[]>()
  const stepsOf = (rank: number): StepPlan[] => {
    const known = kept.get(rank)
    if (known !== undefined) return known
    const steps = rankSteps({ basis, emitStep, ranks }, rank, stepCount)
    const [oldest] = kept.keys()
    if (kept.size === MOST_RANKS_KEPT) kept.delete(oldest)
    kept.set(rank, steps)
    return steps
  }
  const ranks = seats.map((seat, rank): RankPlan => ({
    rank, seat, positions: basis.shards[seat.position],
    ownRows: { from: seat.member * shardTokens, to: (seat.member + 1) * shardTokens },
    pairs: load.pairs[seat.set * ringSize + seat.position],
    get steps() {
      return stepsOf(rank)
    },
    ...planner.slots(seat.position),
  }))
  const emitStep = stepEmitter(basis, planner, numbering, seats)

  return {
    algorithm: config.algorithm, layout: config.layout, mask: config.mask, pass: config.pass,
    world, geometry, seqLen: config.seqLen, paddedSeqLen, shardTokens, computeTokens,
    hops: transfers.reduce((sum, { hops }) => sum + hops, 0),
    bytesPerHop: basis.bytes(rotates(basis) ? 'kv' : 'qkv', 'forward'),
    movesAlike: planner.movesAlike, traffic, pairItems, ...load.totals,
    stepCount, hopNumbers,
    flopsPerPair: FORWARD_FLOPS * headItems, backwardFlopsPerPair: BACKWARD_FLOPS * headItems,
    ranks, basis, emitStep,
  }
}

export function plannerOf(basis: PlanBasis): Planner {
  switch (basis.config.algorithm) {
    case 'double-ring': return doubleRingPlanner(basis)
    case 'distflash': return distflashPlanner(basis)
    case 'ring':
    case 'ulysses':
    case 'hybrid': return ringPlanner(basis)
  }
}

/** Whether K/V goes round between ring positions; else all there is are the all-to-alls of one group. */
const rotates = ({ geometry: { degree, ringSize } }: PlanBasis): boolean => degree === 1 || ringSize > 1

/** The exchanges of an iteration, in order. */
const exchangesOf = ({ geometry, config }: PlanBasis): readonly Exchange[] =>
  geometry.degree === 1 ? [] : EXCHANGES.filter((payload) => config.pass === 'forward-backward' || exchangePass(payload) === 'forward')

/** Numbers that join the ends of a hop: unique in an iteration, by formula, the smaller the fewer channels there are. */
interface HopNumbers {
  readonly stepCount: number
  readonly hopNumbers: number
  onChannel(channel: Channel, step: number, sender: number): number
  inExchange(payload: Exchange, round: number, sender: number): number
}

function numberHops(basis: PlanBasis, { steps, traffic }: Planner): HopNumbers {
  const { world, degree } = basis.geometry
  const exchanges = exchangesOf(basis)
  const stepCount = steps.forward + steps.backward + exchanges.length
  const channels = CHANNELS.filter((channel) => traffic.some((row) => row.channel === channel))
  const onChannels = channels.length * stepCount * world
  const firstOf: Partial<Record<string, number>> = Object.fromEntries([
    ...channels.map((channel, index) => [channel, index * stepCount * world] as const),
    ...exchanges.map((payload, index) => [payload, onChannels + (index * (degree - 1) - 1) * world] as const),
  ])
  /** Only what there is traffic for is numbered. */
  const first = (of: Channel | Exchange): number => firstOf[of] ?? Number.NaN
  return {
    stepCount, hopNumbers: onChannels + exchanges.length * (degree - 1) * world,
    onChannel: (channel, step, sender) => first(channel) + step * world + sender,
    inExchange: (payload, round, sender) => first(payload) + round * world + sender,
  }
}

/** Steps in order: the exchange before a pass, the pass, the exchange after it. */
function stepEmitter(basis: PlanBasis, planner: Planner, { onChannel, inExchange }: HopNumbers, seats: readonly Seat[]): Plan['emitStep'] {
  const exchanges = exchangesOf(basis)
  const emitExchange = exchangeEmitter(basis, inExchange)
  const before = exchanges.length > 0 ? 1 : 0
  const { forward, backward } = planner.steps
  const afterForward = forward + 2 * before
  return (rank, step, sink) => {
    const seat = seats[rank]
    const pass = step < afterForward ? 'forward' : 'backward'
    const firstStep = pass === 'forward' ? before : afterForward + before
    const steps = pass === 'forward' ? forward : backward
    const local = step - firstStep
    if (local >= 0 && local < steps) planner.emit(pass, seat, local, firstStep, onChannel, sink)
    else emitExchange(exchanges[(pass === 'forward' ? 0 : 2) + (local < 0 ? 0 : 1)], seat, step, sink)
  }
}

function allTraffic(basis: PlanBasis, { traffic }: Planner): Traffic[] {
  const exchanges = exchangesOf(basis)
  const exchange = (payload: Exchange): Omit<Traffic, 'bytesPerHop'>[] => exchanges.includes(payload)
    ? [{ channel: 'all-to-all', payload, pass: exchangePass(payload), hops: basis.geometry.degree - 1 }] : []
  return [
    ...exchange('qkv'), ...traffic.filter(({ pass }) => pass === 'forward'), ...exchange('out'),
    ...exchange('dout'), ...traffic.filter(({ pass }) => pass === 'backward'), ...exchange('dqkv'),
  ].map((row) => ({ ...row, bytesPerHop: basis.bytes(row.payload, row.pass) }))
}

export interface ForwardLoad {
  /** Of each ring position of each set, position fastest. */
  readonly pairs: Float64Array
  readonly totals: Pick<Plan, 'totalPairs' | 'makespanPairs' | 'idleFraction'>
}

/** Adds up the forward pass: the work of every rank, and the makespan of ranks that wait for each other at every step. */
export function forwardLoad({ geometry }: PlanBasis, { steps, queryAt, keyAt }: Planner, pairsOf: PlanBasis['pairs']): ForwardLoad {
  const { ringSets, ringSize, degree, world } = geometry
  const pairs = new Float64Array(ringSets * ringSize)
  let makespanPairs = 0
  for (let step = 0; step < steps.forward; step++) {
    let most = 0
    for (let position = 0; position < ringSize; position++) {
      const query = queryAt(position, step)
      if (query < 0) continue
      const key = keyAt(position, step)
      for (let set = 0; set < ringSets; set++) {
        const count = pairsOf(set, query, key)
        pairs[set * ringSize + position] += count
        most = Math.max(most, count)
      }
    }
    makespanPairs += most
  }
  const totalPairs = degree * pairs.reduce((sum, count) => sum + count, 0)
  return {
    pairs, totals: { totalPairs, makespanPairs, idleFraction: makespanPairs === 0 ? 0 : 1 - totalPairs / (world * makespanPairs) },
  }
}
