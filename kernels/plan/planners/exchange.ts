import type { PlanBasis } from '../basis.ts'
import { rankAt, type Seat } from '../geometry.ts'
import type { Move, Place, StepPass, StepPlan } from '../plan.ts'

/** What travels in the all-to-alls of a Ulysses group: queries and K/V before the forward pass, outputs after it, … */
export const EXCHANGES = ['qkv', 'out', 'dout', 'dqkv'] as const
export type Exchange = (typeof EXCHANGES)[number]

export const exchangePass = (payload: Exchange): StepPass => (payload === 'qkv' || payload === 'out' ? 'forward' : 'backward')

/** Number of the hop in round `round` (1..degree-1) of an exchange. */
export type ExchangeHopNumbering = (payload: Exchange, round: number, sender: number) => number

/**
 * The all-to-all of a Ulysses group in one step (reference section 1.6 and 1.7): from all heads of the own tokens to the own
 * heads of all tokens, or back. In round k member u sends to u + k and receives from u - k, all rounds posted together.
 */
export function exchangeStep(basis: PlanBasis, payload: Exchange, seat: Seat, step: number, hopNumber: ExchangeHopNumbering): StepPlan {
  const { geometry, config } = basis
  const { degree } = geometry
  const pass = exchangePass(payload)
  const spreads = payload === 'qkv' || payload === 'dout'
  const self = rankAt(geometry, seat)
  const home = (member: number): Place => ({ buffer: 'home', member })
  const spread = (member: number): Place => ({ buffer: 'spread', member })
  const common = { channel: 'all-to-all', payload, bytes: basis.bytes(payload, pass), settleStep: step } as const

  const sends: Move[] = []
  const recvs: Move[] = []
  for (let round = 1; round < degree; round++) {
    const [to, from] = [(seat.member + round) % degree, (seat.member - round + degree) % degree]
    const [toRank, fromRank] = [to, from].map((member) => rankAt(geometry, { ...seat, member }))
    sends.push({
      ...common, peer: toRank, owner: spreads ? self : toRank, hop: hopNumber(payload, round, self),
      place: spreads ? home(to) : spread(to),
    })
    recvs.push({
      ...common, peer: fromRank, owner: spreads ? fromRank : self, hop: hopNumber(payload, round, fromRank),
      place: spreads ? spread(from) : home(from),
    })
  }
  return {
    step, pass, stage: 'exchange', kvOwner: -1, queryOwner: -1, kind: 'none', pairs: 0, work: null, sends, recvs,
    folds: payload === 'dqkv' && config.kvHeads < degree ? [{ what: 'shared-gradients' }] : [],
  }
}
