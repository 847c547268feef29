import { type Channel, CHANNELS } from '../../timeline/categories.ts'
import { maskMayEndEarly, type PlanBasis } from '../basis.ts'
import { rankAtPosition, type Seat } from '../geometry.ts'
import type { Fold, Place, PlannedWork, StepPass, StepSink, Traffic } from '../plan.ts'
import { hasPairs, type HopNumbering, type Planner } from './planner.ts'

/** A K/V block is sent on at the step that holds it and there when `settleStep` is over, for the step after. */
export interface Carry {
  readonly channel: Channel
  readonly settleStep: number
}

/**
 * A schedule in which every query stays and K/V blocks go round: what a ring and a double ring have in common. Steps count
 * from 0 within their pass. The backward pass is the forward one reversed in time.
 */
export interface Rotation {
  readonly steps: number
  /** K/V slots the schedule needs. */
  readonly kvSlots: number
  /** Ring position whose K/V a position holds at a step of the forward pass, and the position that holds a given one's. */
  keyAt(position: number, step: number): number
  holderOf(key: number, step: number): number
  slotAt(pass: StepPass, step: number): number
  /** What a step of either pass sends on. */
  carries(step: number): readonly Carry[]
  /** The way on which, at a step of the backward pass, the gradient of the step before goes on. */
  gradientChannel(step: number): Channel
}

/** Forward steps up to the last one that has work for any rank; all of them where only the causal or full mask decides. */
export function neededSteps(basis: PlanBasis, allSteps: number, keyAt: Rotation['keyAt']): number {
  if (!maskMayEndEarly(basis.config)) return allSteps
  for (let step = allSteps - 1; step > 0; step--) {
    for (let position = 0; position < basis.geometry.ringSize; position++) {
      if (hasPairs(basis, position, keyAt(position, step))) return step + 1
    }
  }
  return 1
}

/** Gradient slot in which what earlier visitors gave arrives; 0 and 1 take what is computed, in turn. */
const ARRIVING_GRADIENT = 2

/**
 * Plans both passes of a rotation.
 *
 * The backward pass starts with the block that the forward pass left, and blocks travel the other way, so that a rank's own
 * K/V is home at the last step (as in TransformerEngine and MindSpeed, reference section 1.5 and 1.9). The gradient of a
 * block follows it one step behind: computed fresh at each step, added to what earlier visitors gave, which arrives
 * meanwhile. It starts one step late and is home when the last step ends: steps - 1 hops for K/V and as many for gradients,
 * one less than in a scheme that goes on in the forward direction, and none that no compute can hide.
 */
export function rotationPlanner(basis: PlanBasis, rotation: Rotation): Planner {
  const { geometry, config } = basis
  const { steps, keyAt, holderOf, slotAt } = rotation
  const backward = config.pass === 'forward-backward'
  const gradientSlots = steps === 1 ? 1 : 3

  const kvPlaces = Array.from({ length: rotation.kvSlots }, (_, slot): Place => ({ buffer: 'kv', slot }))
  const dkvPlaces = Array.from({ length: gradientSlots }, (_, slot): Place => ({ buffer: 'dkv', slot }))
  const foldInto = [0, 1].map((into): Fold => ({ what: 'gradient', from: ARRIVING_GRADIENT, into }))
  const forwardWork = kvPlaces.map((_, kvSlot): PlannedWork => ({ side: 0, kvSlot, gradient: null }))
  const backwardWork = kvPlaces.map((_, kvSlot) => [0, 1].map((slot): PlannedWork => ({ side: 0, kvSlot, gradient: { slot, fresh: true } })))

  const kvBytes = { forward: basis.bytes('kv', 'forward'), backward: basis.bytes('kv', 'backward') }
  const dkvBytes = basis.bytes('dkv', 'backward')

  function emit(pass: StepPass, seat: Seat, local: number, firstStep: number, hopNumber: HopNumbering, sink: StepSink): void {
    const { set, position } = seat
    const returns = pass === 'backward' && local > 0
    const step = firstStep + local
    /** The forward step that holds the same block as this one, and the number that it and the step after and before differ by. */
    const here = pass === 'forward' ? local : steps - 1 - local
    const onward = pass === 'forward' ? 1 : -1
    const key = keyAt(position, here)
    const self = rankAtPosition(geometry, seat, position)
    const kvSlot = slotAt(pass, local)

    sink.block(step, pass, 'attend', position, key)
    if (pass === 'backward') sink.work(backwardWork[kvSlot][local % 2])
    else if (basis.pairs(set, position, key) > 0) sink.work(forwardWork[kvSlot])

    const carries = rotation.carries(local)
    const owner = rankAtPosition(geometry, seat, key)
    for (const { channel, settleStep } of carries) {
      const next = holderOf(key, here + onward * (settleStep + 1 - local))
      sink.move('send', channel, 'kv', rankAtPosition(geometry, seat, next), owner, kvBytes[pass], hopNumber(channel, step, self),
        kvPlaces[kvSlot], firstStep + settleStep)
    }
    const gradientChannel = returns ? rotation.gradientChannel(local) : 'dkv'
    if (returns) {
      // The gradient made in the step before goes where its block is now; that of the block held comes from where it was.
      const made = keyAt(position, here - onward)
      sink.move('send', gradientChannel, 'dkv', rankAtPosition(geometry, seat, holderOf(made, here)), rankAtPosition(geometry, seat, made), dkvBytes,
        hopNumber(gradientChannel, step, self), dkvPlaces[(local - 1) % 2], step)
    }
    for (const { channel, settleStep } of carries) {
      const arriving = keyAt(position, here + onward * (settleStep + 1 - local))
      const from = rankAtPosition(geometry, seat, holderOf(arriving, here))
      sink.move('recv', channel, 'kv', from, rankAtPosition(geometry, seat, arriving), kvBytes[pass], hopNumber(channel, step, from),
        kvPlaces[slotAt(pass, settleStep + 1)], firstStep + settleStep)
    }
    if (returns) {
      const from = rankAtPosition(geometry, seat, holderOf(key, here - onward))
      sink.move('recv', gradientChannel, 'dkv', from, owner, dkvBytes, hopNumber(gradientChannel, step, from), dkvPlaces[ARRIVING_GRADIENT], step)
      sink.fold(foldInto[local % 2])
    }
  }

  return {
    steps: { forward: steps, backward: backward ? steps : 0 },
    movesAlike: true,
    traffic: rotationTraffic(rotation, backward),
    queryAt: (position) => position,
    keyAt,
    emit,
    slots: () => ({
      kvSlots: rotation.kvSlots, dkvSlots: backward ? gradientSlots : 0, sides: 1,
      ownGradientSlot: backward ? (steps - 1) % 2 : null,
    }),
  }
}

function rotationTraffic(rotation: Rotation, backward: boolean): Planner['traffic'] {
  const hopsOf = new Map<Channel, number>()
  const add = (channel: Channel): void => void hopsOf.set(channel, (hopsOf.get(channel) ?? 0) + 1)
  for (let step = 0; step < rotation.steps; step++) {
    for (const { channel } of rotation.carries(step)) add(channel)
    if (backward && step > 0) add(rotation.gradientChannel(step))
  }
  const rows = (payload: 'kv' | 'dkv', channels: readonly Channel[], pass: StepPass): Omit<Traffic, 'bytesPerHop'>[] =>
    channels.flatMap((channel) => {
      const hops = hopsOf.get(channel) ?? 0
      return hops === 0 ? [] : [{ channel, payload, pass, hops }]
    })
  const [kv, dkv] = [CHANNELS.slice(0, 2), CHANNELS.slice(2, 4)]
  return [...rows('kv', kv, 'forward'), ...(backward ? [...rows('kv', kv, 'backward'), ...rows('dkv', dkv, 'backward')] : [])]
}
