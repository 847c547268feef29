import type { RunConfig } from '../config/runConfig.ts'
import { CHANNELS, type Channel } from '../timeline/categories.ts'
import { planBasis, type PlanBasis } from './basis.ts'
import { seatOf } from './geometry.ts'
import type { Plan, RankPlan, StepPlan, Traffic } from './plan.ts'
import { distflashPlanner } from './planners/distflash.ts'
import { doubleRingPlanner } from './planners/doubleRing.ts'
import { type Exchange, exchangePass, EXCHANGES, exchangeStep } from './planners/exchange.ts'
import type { Planner } from './planners/planner.ts'
import { ringPlanner } from './planners/ring.ts'

/** Matrix products of a block and a head: QK^T and PV forward; five of them backward (reference section 2.2). */
const FORWARD_FLOPS = 4
const BACKWARD_FLOPS = 10

/** Everything that follows from a config alone. Pure; a rank's steps are made when they are first read. */
export function planRun(config: RunConfig): Plan {
  const basis = planBasis(config)
  const planner = plannerOf(basis)
  const { geometry, computeTokens, shardTokens, paddedSeqLen, pairItems } = basis
  const { world, degree, ringSize, batch } = geometry
  const numbering = numberHops(basis, planner)
  const load = forwardLoad(basis, planner, basis.pairs)
  const traffic = allTraffic(basis, planner)
  const transfers = traffic.filter(({ pass, payload }) => pass === 'forward' && payload === (rotates(basis) ? 'kv' : 'qkv'))
  const headItems = (batch / pairItems) * (config.heads / degree) * config.headDim

  return {
    algorithm: config.algorithm, layout: config.layout, mask: config.mask, pass: config.pass,
    world, geometry, seqLen: config.seqLen, paddedSeqLen, shardTokens, computeTokens,
    hops: transfers.reduce((sum, { hops }) => sum + hops, 0),
    bytesPerHop: basis.bytes(rotates(basis) ? 'kv' : 'qkv', 'forward'),
    traffic, pairItems, ...load.totals,
    stepCount: numbering.stepCount, hopNumbers: numbering.hopNumbers,
    flopsPerPair: FORWARD_FLOPS * headItems, backwardFlopsPerPair: BACKWARD_FLOPS * headItems,
    ranks: Array.from({ length: world }, (_, rank): RankPlan => {
      const seat = seatOf(geometry, rank)
      let steps: StepPlan[] | null = null
      return {
        rank, seat, positions: basis.shards[seat.position],
        ownRows: { from: seat.member * shardTokens, to: (seat.member + 1) * shardTokens },
        pairs: load.pairs[seat.set * ringSize + seat.position],
        get steps() {
          return steps ??= rankSteps(basis, planner, rank, numbering)
        },
        ...planner.slots(seat.position),
      }
    }),
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
  return {
    stepCount, hopNumbers: onChannels + exchanges.length * (degree - 1) * world,
    onChannel: (channel, step, sender) => (channels.indexOf(channel) * stepCount + step) * world + sender,
    inExchange: (payload, round, sender) => onChannels + (exchanges.indexOf(payload) * (degree - 1) + round - 1) * world + sender,
  }
}

function rankSteps(basis: PlanBasis, planner: Planner, rank: number, { onChannel, inExchange }: HopNumbers): StepPlan[] {
  const seat = seatOf(basis.geometry, rank)
  const exchanges = exchangesOf(basis)
  const steps: StepPlan[] = []
  const exchange = (payload: Exchange): void => {
    if (exchanges.includes(payload)) steps.push(exchangeStep(basis, payload, seat, steps.length, inExchange))
  }
  exchange('qkv')
  steps.push(...planner.plan('forward', seat, steps.length, onChannel))
  exchange('out')
  if (basis.config.pass === 'forward') return steps
  exchange('dout')
  steps.push(...planner.plan('backward', seat, steps.length, onChannel))
  exchange('dqkv')
  return steps
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
export function forwardLoad({ geometry }: PlanBasis, { steps, blockAt }: Planner, pairsOf: PlanBasis['pairs']): ForwardLoad {
  const { ringSets, ringSize, degree, world } = geometry
  const pairs = new Float64Array(ringSets * ringSize)
  let makespanPairs = 0
  for (let step = 0; step < steps.forward; step++) {
    let most = 0
    for (let position = 0; position < ringSize; position++) {
      const block = blockAt(position, step)
      if (block === null) continue
      for (let set = 0; set < ringSets; set++) {
        const count = pairsOf(set, block.query, block.key)
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
