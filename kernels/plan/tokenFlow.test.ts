import { describe, expect, it } from 'vitest'
import type { RunConfig } from '../config/runConfig.ts'
import { rankAt } from './geometry.ts'
import { positionsOf } from './layout.ts'
import type { Move, Plan, StepPlan } from './plan.ts'
import { planRun } from './planRun.ts'
import { describeCase, mayAttend, planCases, testConfig } from './testing/cases.ts'
import { FlowError, followTokens } from './testing/tokenFlow.ts'

/** Of every rank, those at its Ulysses member's place in the ring whose K/V its queries attend to, for any item of its set. */
function attendedRanks(config: RunConfig): number[][] {
  const { ranks, geometry } = planRun(config)
  const positions = ranks.map((rank) => positionsOf(rank.positions))
  return ranks.map(({ rank, seat }) => {
    const items = Array.from({ length: geometry.batch }, (_, index) => seat.set * geometry.batch + index)
    return Array.from({ length: geometry.ringSize }, (_, position) => rankAt(geometry, { ...seat, position })).filter((other) =>
      items.some((item) => positions[rank].some((q) => positions[other].some((k) => mayAttend(config, item, q, k)))))
  })
}

const ascending = (ranks: ReadonlySet<number> | null): number[] | null => (ranks === null ? null : [...ranks].toSorted((a, b) => a - b))

/** Forward and backward, with overlap and without. */
function checkFlows(config: RunConfig): void {
  const keys = attendedRanks(config)
  const visitors = keys.map((_, rank) => keys.flatMap((attended, other) => (attended.includes(rank) ? [other] : [])))
  for (const overlap of [true, false]) {
    for (const pass of ['forward', 'forward-backward'] as const) {
      const run = { ...config, pass, overlap }
      const results = followTokens(planRun(run), run)
      const backward = pass === 'forward-backward'
      expect(results.map(({ out, dq, dkv }) => [out, dq, dkv].map(ascending)), describeCase(run)).toEqual(
        keys.map((attended, rank) => [attended, backward ? attended : null, backward ? visitors[rank] : null]))
    }
  }
}

describe('every block goes where it is needed, and every gradient comes home with all that visitors gave', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('N=%i: every algorithm, layout and mask, with overlap and without', (world) => {
    let cases = 0
    for (const config of planCases(world, [3 * world + 2])) {
      checkFlows(config)
      cases++
    }
    expect(cases).toBeGreaterThan(100)
  })

  it.each([
    { algorithm: 'double-ring', window: 2 }, { algorithm: 'double-ring', window: 4 }, { algorithm: 'double-ring', window: 8 },
    { algorithm: 'distflash', layout: 'contiguous' }, { algorithm: 'hybrid', ulyssesDegree: 4 }, { algorithm: 'ring' },
  ] as const)('in larger worlds: $algorithm $window', (fields) => {
    for (const world of [8, 16, 24]) checkFlows(testConfig({ ...fields, world, seqLen: 2 * world }))
  })
})

describe('what is checked is noticed when it is wrong', () => {
  const config = testConfig({ world: 4, seqLen: 32, pass: 'forward-backward' })

  /** The plan with one step of one rank changed. */
  function altered(rank: number, step: number, change: (plan: StepPlan) => Partial<StepPlan>): Plan {
    const plan = planRun(config)
    return {
      ...plan, ranks: plan.ranks.map((own) => (own.rank !== rank ? own : {
        ...own, steps: own.steps.map((at) => (at.step === step ? { ...at, ...change(at) } : at)),
      })),
    }
  }
  const first = (moves: readonly Move[], change: Partial<Move>): Move[] => moves.map((move, index) => (index === 0 ? { ...move, ...change } : move))
  const received = (rank: number, step: number, change: Partial<Move>): Plan => altered(rank, step, ({ recvs }) => ({ recvs: first(recvs, change) }))
  const sent = (rank: number, step: number, change: Partial<Move>): Plan => altered(rank, step, ({ sends }) => ({ sends: first(sends, change) }))

  it.each<[string, Plan, RegExp]>([
    ['a block received over the one in use', received(1, 1, { place: { buffer: 'kv', slot: 1 } }), /step 1: reads kv1 while something arrives/],
    ['the slot sent that receives', sent(1, 1, { place: { buffer: 'kv', slot: 0 } }), /rank 1 step 1: reads kv0 while something arrives/],
    ['a gradient sent that is being made', sent(1, 7, { place: { buffer: 'dkv', slot: 1 } }), /rank 1 step 7: sends dkv of rank 0, dkv1 holds/],
    ['a move that is settled too late', sent(1, 0, { settleStep: 1 }), /rank 1 step 1: receives into kv0 while it is being moved/],
    ['ends that expect different owners', received(2, 0, { owner: 3 }), /rank 2 step 0: expects owner 3 from rank 1, which sends 1/],
    ['ends that expect different sizes', received(2, 0, { bytes: 1 }), /expects bytes 1/],
    ['ends that expect different hops', sent(1, 0, { hop: 0 }), /two moves have the same hop number/],
    ['a send that goes elsewhere', sent(2, 1, { peer: 2 }), /deadlock at steps/],
    ['a block that does not come', altered(2, 0, () => ({ recvs: [] })), /rank 2 step 1: reads kv1, which holds nothing/],
    ['a gradient counted twice', altered(0, 5, ({ folds }) => ({ folds: [...folds, ...folds] })), /counts rank \d twice in dkv1/],
    ['the wrong K/V attended to', altered(3, 2, () => ({ kvOwner: 2 })), /attends to K\/V of rank 2, slot 0 holds that of 1/],
  ])('%s', (_, plan, message) => {
    expect(() => followTokens(plan, config)).toThrow(FlowError)
    expect(() => followTokens(plan, config)).toThrow(message)
  })

  it('a gradient that is dropped comes home incomplete', () => {
    const [complete, incomplete] = [planRun(config), altered(0, 5, () => ({ folds: [] }))].map((plan) =>
      followTokens(plan, config).map(({ dkv }) => dkv?.size))
    expect(complete).toEqual([4, 4, 4, 4])
    expect(incomplete.filter((visitors) => visitors !== 4)).toHaveLength(1)
  })
})
