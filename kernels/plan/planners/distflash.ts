import type { Channel, Payload } from '../../timeline/categories.ts'
import type { PlanBasis } from '../basis.ts'
import { rankAt, type Seat } from '../geometry.ts'
import type { Fold, Move, Place, PlannedWork, StepPass, StepPlan } from '../plan.ts'
import { attendStep, type Block, hasPairs, type HopNumbering, type Planner } from './planner.ts'

/** Slots 1 and 2, and sides 1 and 2, serve the blocks of odd and even steps. */
const turnOf = (step: number): number => 1 + (step - 1) % 2
const OWN = 0
const ARRIVING_GRADIENT = 3
const ARRIVING_RESULT = 1

/**
 * DistFlashAttention's balanced schedule for causal contiguous shards (reference section 1.10), for odd n too. At step t
 * position r >= t computes its own queries with the K/V of r - t, sent to it directly during the step before. Position r < t,
 * which has no such work left, helps n + r - t: it computes that one's queries with its own K/V and gives the partial result
 * back during the next step. Backward alike: a helper gives back dQ, and who used another's K/V its dK and dV.
 * What has no pairs is neither computed nor sent.
 */
export function distflashPlanner(basis: PlanBasis): Planner {
  const { geometry, config } = basis
  const { ringSize, ringSets } = geometry
  const half = Math.floor(ringSize / 2)
  const backward = config.pass === 'forward-backward'

  const blockOf = (position: number, step: number): Block | null => {
    if (position < 0 || position >= ringSize || step > half) return null
    if (step <= position) return { query: position, key: position - step }
    return 2 * step < ringSize ? { query: ringSize + position - step, key: position } : null
  }
  const steps = Array.from({ length: half + 1 }, (_, step) => step)
  const positions = Array.from({ length: ringSize }, (_, position) => position)
  const lastWith = (condition: (block: Block, position: number) => boolean): number => Math.max(0, ...steps.filter((step) =>
    positions.some((position) => {
      const block = blockOf(position, step)
      return block !== null && hasPairs(basis, block) && condition(block, position)
    })))
  const lastStep = lastWith(() => true)
  const lastHelp = lastWith((block, position) => block.query !== position)
  const blockAt = (position: number, step: number): Block | null => (step > lastStep ? null : blockOf(position, step))

  /** The block another has to be sent something for, or gives something back for: not at step 0, and only with pairs. */
  const sharedBlock = (set: number, position: number, step: number): Block | null => {
    const block = step > 0 ? blockAt(position, step) : null
    return block !== null && basis.pairs(set, block.query, block.key) > 0 ? block : null
  }

  function plan(pass: StepPass, seat: Seat, firstStep: number, hopNumber: HopNumbering): StepPlan[] {
    const { set, position } = seat
    const rankOf = (at: number): number => rankAt(geometry, { ...seat, position: at })

    function movesAt(local: number): Pick<StepPlan, 'sends' | 'recvs' | 'folds'> {
      const step = firstStep + local
      const sends: Move[] = []
      const recvs: Move[] = []
      const folds: Fold[] = []
      const move = (into: Move[], channel: Channel, payload: Payload, peer: number, owner: number, place: Place): void => void into.push({
        channel, payload, place, peer: rankOf(peer), owner: rankOf(owner), bytes: basis.bytes(payload, pass), settleStep: step,
        hop: hopNumber(channel, step, rankOf(into === sends ? position : peer)),
      })
      const next = local + 1
      const consumer = (position + next) % ringSize
      const wanted = sharedBlock(set, consumer, next)
      if (wanted?.key === position) move(sends, 'kv', 'kv', consumer, position, { buffer: 'kv', slot: OWN })
      if (wanted?.query === position) move(sends, 'query', 'query', consumer, position, { buffer: 'query', side: OWN })
      const coming = sharedBlock(set, position, next)
      if (coming?.query === position) move(recvs, 'kv', 'kv', coming.key, coming.key, { buffer: 'kv', slot: turnOf(next) })
      if (coming?.key === position) move(recvs, 'query', 'query', coming.query, coming.query, { buffer: 'query', side: turnOf(next) })

      const before = local - 1
      const buffer = pass === 'forward' ? 'partial' : 'dq'
      const done = sharedBlock(set, position, before)
      const user = (position + before) % ringSize
      const used = before > 0 ? sharedBlock(set, user, before) : null
      if (done?.key === position) move(sends, 'result', buffer, done.query, done.query, { buffer, side: turnOf(before) })
      if (used?.query === position) {
        move(recvs, 'result', buffer, user, position, { buffer, side: ARRIVING_RESULT })
        folds.push({ what: buffer, from: ARRIVING_RESULT })
      }
      if (pass === 'backward' && done?.query === position) {
        move(sends, 'dkv', 'dkv', done.key, done.key, { buffer: 'dkv', slot: turnOf(before) })
      }
      if (pass === 'backward' && used?.key === position) {
        move(recvs, 'dkv', 'dkv', user, position, { buffer: 'dkv', slot: ARRIVING_GRADIENT })
        folds.push({ what: 'gradient', from: ARRIVING_GRADIENT, into: OWN })
      }
      return { sends, recvs, folds }
    }

    /** Backward, the own block is computed even without pairs, since others' gradients are added to what it leaves. */
    function workAt(local: number): PlannedWork | null {
      const gradientIn = (slot: number, fresh: boolean): PlannedWork['gradient'] => (pass === 'backward' ? { slot, fresh } : null)
      if (local === 0) {
        return pass === 'backward' || basis.pairs(set, position, position) > 0
          ? { side: OWN, kvSlot: OWN, gradient: gradientIn(OWN, true) } : null
      }
      const block = sharedBlock(set, position, local)
      if (block === null) return null
      const turn = turnOf(local)
      return block.query === position
        ? { side: OWN, kvSlot: turn, gradient: gradientIn(turn, true) }
        : { side: turn, kvSlot: OWN, gradient: gradientIn(OWN, false) }
    }

    return Array.from({ length: stepsOf(pass) }, (_, local) =>
      attendStep(basis, seat, blockAt(position, local), { step: firstStep + local, pass, work: workAt(local), ...movesAt(local) }))
  }

  /** A last step without a block where results of the one before are still under way. */
  function stepsOf(pass: StepPass): number {
    if (pass === 'backward') return backward ? lastStep + (lastStep > 0 ? 2 : 1) : 0
    return lastStep + (lastHelp > 0 && lastHelp === lastStep ? 2 : 1)
  }

  function traffic(): Planner['traffic'] {
    const most = { kv: 0, query: 0, back: 0, result: 0 }
    for (let set = 0; set < ringSets; set++) {
      const none = (): Int32Array => new Int32Array(ringSize)
      const counts = { kv: none(), query: none(), back: none(), result: none() }
      for (const step of steps) {
        for (const position of positions) {
          const block = sharedBlock(set, position, step)
          if (block === null) continue
          const helps = block.key === position
          counts[helps ? 'query' : 'kv'][helps ? block.query : block.key]++
          counts[helps ? 'result' : 'back'][position]++
        }
      }
      for (const kind of ['kv', 'query', 'back', 'result'] as const) most[kind] = Math.max(most[kind], ...counts[kind])
    }
    const rows: Planner['traffic'] = [
      { channel: 'kv', payload: 'kv', pass: 'forward', hops: most.kv },
      { channel: 'query', payload: 'query', pass: 'forward', hops: most.query },
      { channel: 'result', payload: 'partial', pass: 'forward', hops: most.result },
      { channel: 'kv', payload: 'kv', pass: 'backward', hops: most.kv },
      { channel: 'query', payload: 'query', pass: 'backward', hops: most.query },
      { channel: 'dkv', payload: 'dkv', pass: 'backward', hops: most.back },
      { channel: 'result', payload: 'dq', pass: 'backward', hops: most.result },
    ]
    return rows.filter(({ hops, pass }) => hops > 0 && (pass === 'forward' || backward))
  }

  return {
    steps: { forward: stepsOf('forward'), backward: stepsOf('backward') },
    traffic: traffic(), blockAt, plan,
    slots(position) {
      const others = Math.min(position, lastStep)
      const helps = Math.max(0, lastHelp - position)
      const helperSides = helps === 0 ? 0 : helps === 1 ? turnOf(lastHelp) : 2
      const isHelped = lastHelp > 0 && position >= ringSize - lastHelp
      const gradientSlots = lastStep > 0 && position < ringSize - 1 ? ARRIVING_GRADIENT + 1 : 1 + Math.min(2, others)
      return {
        kvSlots: 1 + Math.min(2, others), dkvSlots: backward ? gradientSlots : 0,
        sides: 1 + Math.max(helperSides, isHelped ? ARRIVING_RESULT : 0), ownGradientSlot: backward ? OWN : null,
      }
    },
  }
}
