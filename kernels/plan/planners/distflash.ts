import type { Channel } from '../../timeline/categories.ts'
import type { PlanBasis } from '../basis.ts'
import { rankAtPosition, type Seat } from '../geometry.ts'
import type { Fold, Place, PlannedWork, StepPass, StepSink } from '../plan.ts'
import { hasPairs, type HopNumbering, type Planner } from './planner.ts'

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

  /** What a position computes at a step: its own queries, another's that it helps, or nothing. */
  const roleOf = (position: number, step: number): 'own' | 'helps' | 'idles' =>
    step > half ? 'idles' : step <= position ? 'own' : 2 * step < ringSize ? 'helps' : 'idles'
  const queryOf = (position: number, step: number): number => (step <= position ? position : ringSize + position - step)
  const keyOf = (position: number, step: number): number => (step <= position ? position - step : position)
  const steps = Array.from({ length: half + 1 }, (_, step) => step)
  const positions = Array.from({ length: ringSize }, (_, position) => position)
  const lastWith = (roles: readonly string[]): number => steps.findLast((step) => positions.some((position) =>
    roles.includes(roleOf(position, step)) && hasPairs(basis, queryOf(position, step), keyOf(position, step)))) ?? 0
  const lastStep = lastWith(['own', 'helps'])
  const lastHelp = lastWith(['helps'])
  const roleAt = (position: number, step: number): ReturnType<typeof roleOf> => (step > lastStep ? 'idles' : roleOf(position, step))

  /** The role in a block that another has to be sent something for, or gives something back for: not at step 0, and only with pairs. */
  const sharedRole = (set: number, position: number, step: number): ReturnType<typeof roleOf> => {
    const role = step > 0 ? roleAt(position, step) : 'idles'
    return role !== 'idles' && basis.pairs(set, queryOf(position, step), keyOf(position, step)) > 0 ? role : 'idles'
  }

  const places = (buffer: 'kv' | 'dkv', slots: number): Place[] => Array.from({ length: slots }, (_, slot): Place => ({ buffer, slot }))
  const sides = (buffer: 'query' | 'partial' | 'dq'): Place[] => Array.from({ length: 3 }, (_, side): Place => ({ buffer, side }))
  const [kvPlaces, dkvPlaces] = [places('kv', 3), places('dkv', ARRIVING_GRADIENT + 1)]
  const sidePlaces = { query: sides('query'), partial: sides('partial'), dq: sides('dq') }
  const foldResult = { forward: { what: 'partial', from: ARRIVING_RESULT }, backward: { what: 'dq', from: ARRIVING_RESULT } } as const
  const foldGradient: Fold = { what: 'gradient', from: ARRIVING_GRADIENT, into: OWN }
  const bytesIn = (pass: StepPass) => ({
    kv: basis.bytes('kv', pass), query: basis.bytes('query', pass), dkv: basis.bytes('dkv', pass),
    partial: basis.bytes('partial', pass), dq: basis.bytes('dq', pass),
  })
  const bytesOf = { forward: bytesIn('forward'), backward: bytesIn('backward') }

  function emit(pass: StepPass, seat: Seat, local: number, firstStep: number, hopNumber: HopNumbering, sink: StepSink): void {
    const { set, position } = seat
    const step = firstStep + local
    const idles = roleAt(position, local) === 'idles'
    sink.block(step, pass, 'attend', idles ? -1 : queryOf(position, local), idles ? -1 : keyOf(position, local))
    const work = workAt(pass, set, position, local)
    if (work !== null) sink.work(work)

    const move = (direction: 'send' | 'recv', channel: Channel, payload: keyof typeof bytesOf.forward, peer: number, owner: number, place: Place): void => {
      const sender = rankAtPosition(geometry, seat, direction === 'send' ? position : peer)
      sink.move(direction, channel, payload, rankAtPosition(geometry, seat, peer), rankAtPosition(geometry, seat, owner), bytesOf[pass][payload],
        hopNumber(channel, step, sender), place, step)
    }
    // Whoever attends at step t is t places on from whose keys it uses, or from whose queries wait for it.
    const next = local + 1
    const consumer = (position + next) % ringSize
    const wanted = sharedRole(set, consumer, next)
    const wants = (role: 'own' | 'helps'): boolean => wanted === role &&
      (role === 'own' ? keyOf(consumer, next) : queryOf(consumer, next)) === position
    const coming = sharedRole(set, position, next)
    const before = local - 1
    const done = sharedRole(set, position, before)
    const user = (position + before + ringSize) % ringSize
    const used = before > 0 ? sharedRole(set, user, before) : 'idles'
    const uses = (role: 'own' | 'helps'): boolean => used === role &&
      (role === 'own' ? keyOf(user, before) : queryOf(user, before)) === position
    const result = pass === 'forward' ? 'partial' : 'dq'
    const gives = pass === 'backward'

    if (wants('own')) move('send', 'kv', 'kv', consumer, position, kvPlaces[OWN])
    if (wants('helps')) move('send', 'query', 'query', consumer, position, sidePlaces.query[OWN])
    if (done === 'helps') move('send', 'result', result, queryOf(position, before), queryOf(position, before), sidePlaces[result][turnOf(before)])
    if (gives && done === 'own') move('send', 'dkv', 'dkv', keyOf(position, before), keyOf(position, before), dkvPlaces[turnOf(before)])

    if (coming === 'own') move('recv', 'kv', 'kv', keyOf(position, next), keyOf(position, next), kvPlaces[turnOf(next)])
    if (coming === 'helps') move('recv', 'query', 'query', queryOf(position, next), queryOf(position, next), sidePlaces.query[turnOf(next)])
    if (uses('helps')) move('recv', 'result', result, user, position, sidePlaces[result][ARRIVING_RESULT])
    if (gives && uses('own')) move('recv', 'dkv', 'dkv', user, position, dkvPlaces[ARRIVING_GRADIENT])
    if (uses('helps')) sink.fold(foldResult[pass])
    if (gives && uses('own')) sink.fold(foldGradient)
  }

  /** Backward, the own block is computed even without pairs, since others' gradients are added to what it leaves. */
  function workAt(pass: StepPass, set: number, position: number, local: number): PlannedWork | null {
    const gradientIn = (slot: number, fresh: boolean): PlannedWork['gradient'] => (pass === 'backward' ? { slot, fresh } : null)
    if (local === 0) {
      return pass === 'backward' || basis.pairs(set, position, position) > 0
        ? { side: OWN, kvSlot: OWN, gradient: gradientIn(OWN, true) } : null
    }
    const role = sharedRole(set, position, local)
    if (role === 'idles') return null
    const turn = turnOf(local)
    return role === 'own'
      ? { side: OWN, kvSlot: turn, gradient: gradientIn(turn, true) }
      : { side: turn, kvSlot: OWN, gradient: gradientIn(OWN, false) }
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
          const role = sharedRole(set, position, step)
          if (role === 'idles') continue
          const helps = role === 'helps'
          counts[helps ? 'query' : 'kv'][helps ? queryOf(position, step) : keyOf(position, step)]++
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
    movesAlike: false, traffic: traffic(), keyAt: keyOf, emit,
    queryAt: (position, step) => (roleAt(position, step) === 'idles' ? -1 : queryOf(position, step)),
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
