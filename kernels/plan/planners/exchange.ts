import type { PlanBasis } from '../basis.ts'
import { rankAt, type Seat } from '../geometry.ts'
import type { Fold, Place, StepPass, StepSink } from '../plan.ts'

/** What travels in the all-to-alls of a Ulysses group: queries and K/V before the forward pass, outputs after it, … */
export const EXCHANGES = ['qkv', 'out', 'dout', 'dqkv'] as const
export type Exchange = (typeof EXCHANGES)[number]

export const exchangePass = (payload: Exchange): StepPass => (payload === 'qkv' || payload === 'out' ? 'forward' : 'backward')

const SUM_SHARED: Fold = { what: 'shared-gradients' }

/** Number of the hop in round `round` (1..degree-1) of an exchange. */
export type ExchangeHopNumbering = (payload: Exchange, round: number, sender: number) => number

/** A move's place in the rank's own tensors, and in those it computes on, by member. */
const placesOf = (buffer: 'home' | 'spread', degree: number): Place[] => Array.from({ length: degree }, (_, member): Place => ({ buffer, member }))

/**
 * The all-to-all of a Ulysses group in one step (reference section 1.6 and 1.7): from all heads of the own tokens to the own
 * heads of all tokens, or back. In round k member u sends to u + k and receives from u - k, all rounds posted together.
 * @returns what tells such a step to a sink.
 */
export function exchangeEmitter({ bytes, geometry, config }: PlanBasis, hopNumber: ExchangeHopNumbering):
  (payload: Exchange, seat: Seat, step: number, sink: StepSink) => void {
  const { degree } = geometry
  const home = placesOf('home', degree)
  const spread = placesOf('spread', degree)
  return (payload, seat, step, sink) => {
    const pass = exchangePass(payload)
    const spreads = payload === 'qkv' || payload === 'dout'
    const [sendsFrom, receivesIn] = spreads ? [home, spread] : [spread, home]
    const partBytes = bytes(payload, pass)
    const self = rankAt(geometry, seat)
    const first = self - seat.member
    sink.block(step, pass, 'exchange', -1, -1)
    for (let round = 1; round < degree; round++) {
      const to = (seat.member + round) % degree
      sink.move('send', 'all-to-all', payload, first + to, spreads ? self : first + to, partBytes, hopNumber(payload, round, self), sendsFrom[to], step)
    }
    for (let round = 1; round < degree; round++) {
      const from = (seat.member - round + degree) % degree
      sink.move('recv', 'all-to-all', payload, first + from, spreads ? first + from : self, partBytes, hopNumber(payload, round, first + from),
        receivesIn[from], step)
    }
    if (payload === 'dqkv' && config.kvHeads < degree) sink.fold(SUM_SHARED)
  }
}
