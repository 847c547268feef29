import { type Channel, CHANNELS } from '../../timeline/categories.ts'
import { maskMayEndEarly, type PlanBasis } from '../basis.ts'
import { rankAt, type Seat } from '../geometry.ts'
import type { Fold, Move, Place, PlannedWork, StepPass, StepPlan, Traffic } from '../plan.ts'
import { attendStep, hasPairs, type HopNumbering, NO_FOLDS, type Planner } from './planner.ts'

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
      if (hasPairs(basis, { query: position, key: keyAt(position, step) })) return step + 1
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
  const foldsInto = [0, 1].map((into): readonly Fold[] => [{ what: 'gradient', from: ARRIVING_GRADIENT, into }])
  const forwardWork = kvPlaces.map((_, kvSlot): PlannedWork => ({ side: 0, kvSlot, gradient: null }))
  const backwardWork = kvPlaces.map((_, kvSlot) => [0, 1].map((slot): PlannedWork => ({ side: 0, kvSlot, gradient: { slot, fresh: true } })))

  function plan(pass: StepPass, seat: Seat, firstStep: number, hopNumber: HopNumbering): StepPlan[] {
    const { set, position, member } = seat
    const rankOf = (at: number): number => rankAt(geometry, { set, member, position: at })
    const self = rankOf(position)
    const [kvBytes, dkvBytes] = [basis.bytes('kv', pass), basis.bytes('dkv', pass)]
    /** The forward step that holds the same block as a step of this pass. */
    const forwardStep = (step: number): number => (pass === 'forward' ? step : steps - 1 - step)

    const keyOf = (local: number): number => keyAt(position, forwardStep(local))

    const sendOnAt = (local: number) => ({ channel, settleStep }: Carry): Move => ({
      channel, payload: 'kv', peer: rankOf(holderOf(keyOf(local), forwardStep(settleStep + 1))), owner: rankOf(keyOf(local)),
      bytes: kvBytes, hop: hopNumber(channel, firstStep + local, self),
      place: kvPlaces[slotAt(pass, local)], settleStep: firstStep + settleStep,
    })
    const receiveAt = (local: number) => ({ channel, settleStep }: Carry): Move => {
      const arriving = keyOf(settleStep + 1)
      const peer = rankOf(holderOf(arriving, forwardStep(local)))
      return {
        channel, payload: 'kv', peer, owner: rankOf(arriving), bytes: kvBytes, hop: hopNumber(channel, firstStep + local, peer),
        place: kvPlaces[slotAt(pass, settleStep + 1)], settleStep: firstStep + settleStep,
      }
    }
    const gradientMove = (local: number, key: number, peer: number, sender: number, slot: number): Move => {
      const channel = rotation.gradientChannel(local)
      const step = firstStep + local
      return {
        channel, payload: 'dkv', peer, owner: rankOf(key), bytes: dkvBytes, hop: hopNumber(channel, step, sender),
        place: dkvPlaces[slot], settleStep: step,
      }
    }
    /** The gradient made in the step before goes where its block is now; that of the block held comes from where it was. */
    const gradientSend = (local: number): Move =>
      gradientMove(local, keyOf(local - 1), rankOf(holderOf(keyOf(local - 1), forwardStep(local))), self, (local - 1) % 2)
    const gradientReceive = (local: number): Move => {
      const from = rankOf(holderOf(keyOf(local), forwardStep(local - 1)))
      return gradientMove(local, keyOf(local), from, from, ARRIVING_GRADIENT)
    }

    return Array.from({ length: steps }, (_, local): StepPlan => {
      const key = keyOf(local)
      const kvSlot = slotAt(pass, local)
      const carries = rotation.carries(local)
      const returns = pass === 'backward' && local > 0
      const sends = carries.map(sendOnAt(local))
      const recvs = carries.map(receiveAt(local))
      const idle = basis.pairs(set, position, key) === 0
      return attendStep(basis, seat, { query: position, key }, {
        step: firstStep + local, pass,
        sends: returns ? [...sends, gradientSend(local)] : sends,
        recvs: returns ? [...recvs, gradientReceive(local)] : recvs,
        folds: returns ? foldsInto[local % 2] : NO_FOLDS,
        work: pass === 'backward' ? backwardWork[kvSlot][local % 2] : idle ? null : forwardWork[kvSlot],
      })
    })
  }

  return {
    steps: { forward: steps, backward: backward ? steps : 0 },
    traffic: rotationTraffic(rotation, backward),
    blockAt: (position, step) => ({ query: position, key: keyAt(position, step) }),
    plan,
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
