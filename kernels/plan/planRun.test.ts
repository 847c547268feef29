import { describe, expect, it } from 'vitest'
import { type Layout, type RunConfig } from '../config/runConfig.ts'
import { rankAt } from './geometry.ts'
import { positionsOf } from './layout.ts'
import type { StepKind } from './plan.ts'
import { planRun } from './planRun.ts'
import { describeCase, mayAttend, planCases, testConfig } from './testing/cases.ts'

const WORLDS = [1, 2, 3, 4, 5, 6, 7, 8]

/** What is wrong with a plan's pairs: of each step by the rule, and each allowed pair computed once by each group of heads. */
function pairProblems(config: RunConfig): string[] {
  const plan = planRun(config)
  const { batch, degree, ringSets } = plan.geometry
  const positions = plan.ranks.map((rank) => positionsOf(rank.positions))
  const { seqLen } = config
  const problems: string[] = []
  const times = new Uint8Array(ringSets * degree * batch * seqLen * seqLen)
  for (const { rank, seat, steps, pairs: pairsOfRank } of plan.ranks) {
    const check = (right: boolean, what: string): void => void (right || problems.push(`rank ${rank}: ${what} in ${describeCase(config)}`))
    let sum = 0
    for (const { step, pass, stage, kind, queryOwner, kvOwner, pairs, work } of steps) {
      check((kind === 'none') === (kvOwner === -1 && queryOwner === -1), `owners of step ${step}`)
      check(stage === 'attend' || kind === 'none', `an exchange with a block at step ${step}`)
      let allowed = 0
      for (let index = 0; index < (kind === 'none' ? 0 : batch); index++) {
        const firstPair = ((seat.set * degree + seat.member) * batch + index) * seqLen * seqLen
        for (const q of positions[queryOwner]) {
          for (const k of positions[kvOwner]) {
            if (!mayAttend(config, seat.set * batch + index, q, k)) continue
            allowed++
            if (pass === 'forward') times[firstPair + q * seqLen + k]++
          }
        }
      }
      check(pairs * (batch / plan.pairItems) === allowed, `${pairs} pairs at step ${step}`)
      check(kind === 'none' || (kind === 'skip') === (pairs === 0), `kind ${kind} at step ${step}`)
      check(pass === 'backward' || (work !== null) === (pairs > 0), `work at step ${step}`)
      if (pass === 'forward') sum += pairs
    }
    check(pairsOfRank === sum, `${pairsOfRank} pairs in all`)
  }
  let allowed = 0
  for (let item = 0; item < config.batch; item++) {
    for (let q = 0; q < seqLen; q++) {
      for (let k = 0; k < seqLen; k++) if (mayAttend(config, item, q, k)) allowed++
    }
  }
  if (times.some((count) => count > 1)) problems.push(`a pair computed twice in ${describeCase(config)}`)
  if (times.reduce((all, count) => all + count, 0) !== allowed * degree) problems.push(`a pair left out in ${describeCase(config)}`)
  if (plan.totalPairs * (batch / plan.pairItems) !== allowed * degree) problems.push(`${plan.totalPairs} pairs in ${describeCase(config)}`)
  return problems
}

describe('pairs of every rank and step are those that the mask allows, and all are computed exactly once', () => {
  it.each(WORLDS)('N=%i: every algorithm, layout and mask, odd lengths', (world) => {
    let cases = 0
    for (const config of planCases(world, [1, 2 * world + 1])) {
      expect(pairProblems(config)).toEqual([])
      cases++
    }
    expect(cases).toBeGreaterThan(100)
  })

  it('N=3, 4: lengths of several rows a chunk, backward too', () => {
    for (const world of [3, 4]) {
      for (const config of planCases(world, [29])) expect(pairProblems({ ...config, pass: 'forward-backward' })).toEqual([])
    }
  })
})

describe('totals', () => {
  it('are those of all steps: makespan is the sum over steps of the most loaded rank', () => {
    for (const world of [4, 6]) {
      for (const config of planCases(world, [4 * world - 1])) {
        const plan = planRun(config)
        const forward = plan.ranks.map(({ steps }) => steps.filter(({ pass }) => pass === 'forward'))
        const makespan = forward[0].reduce((sum, _, step) => sum + Math.max(...forward.map((steps) => steps[step].pairs)), 0)
        expect(plan.makespanPairs, describeCase(config)).toBe(makespan)
        expect(plan.totalPairs).toBe(forward.flat().reduce((sum, { pairs }) => sum + pairs, 0))
        expect(plan.idleFraction).toBe(makespan === 0 ? 0 : 1 - plan.totalPairs / (world * makespan))
        expect(plan.ranks.every(({ steps }) => steps.length === plan.stepCount)).toBe(true)
      }
    }
  })

  it('count flops of the batch items and heads that a rank computes: 4 b Hq d a pair forward, 10 backward', () => {
    const plan = planRun(testConfig({ world: 4, seqLen: 64, batch: 3, heads: 8, headDim: 16 }))
    expect([plan.flopsPerPair, plan.backwardFlopsPerPair]).toEqual([4 * 3 * 8 * 16, 10 * 3 * 8 * 16])
    const hybrid = planRun(testConfig(
      { world: 8, seqLen: 64, batch: 4, heads: 8, headDim: 16, algorithm: 'hybrid', ulyssesDegree: 2, ringSets: 2 }))
    expect(hybrid.flopsPerPair).toBe(4 * 2 * 4 * 16)
    const padded = planRun(testConfig({ world: 2, seqLen: 8, batch: 2, keyPadding: [8, 3], heads: 8, headDim: 16 }))
    expect([padded.pairItems, padded.flopsPerPair]).toEqual([2, 4 * 8 * 16])
    expect(padded.totalPairs).toBe(36 + (1 + 2 + 3 * 6))
  })

  it('a run in which nothing is attended to is not idle', () => {
    const plan = planRun(testConfig({ world: 2, seqLen: 8, keyPadding: [0], pass: 'forward-backward' }))
    expect([plan.totalPairs, plan.makespanPairs, plan.idleFraction, plan.hops]).toEqual([0, 0, 0, 0])
  })
})

describe('mask table', () => {
  /** The classification per (rank, step): row = layout, columns = own block, owner before us, owner after us. */
  const table: Record<Layout, readonly [StepKind, StepKind, StepKind]> = {
    'contiguous': ['diagonal', 'full', 'skip'],
    'zigzag': ['diagonal', 'first-half-kv', 'second-half-q'],
    'striped': ['diagonal', 'triangle', 'strict-triangle'],
    'block-cyclic': ['diagonal', 'partial', 'partial'],
  }
  for (const world of WORLDS) {
    for (const layout of Object.keys(table) as Layout[]) {
      it(`${layout}, N=${world}: kinds follow the table and say what the oracle allows`, () => {
        const tokens = 8
        const config = testConfig({ world, layout, seqLen: tokens * world, cyclicWidth: 4 })
        const plan = planRun(config)
        const positions = plan.ranks.map((rank) => positionsOf(rank.positions))
        for (const { rank, steps } of plan.ranks) {
          for (const { step, kvOwner, queryOwner, kind } of steps) {
            expect([kvOwner, queryOwner]).toEqual([(rank - step + world) % world, rank])
            expect(kind).toBe(table[layout][step === 0 ? 0 : step <= rank ? 1 : 2])
            for (let i = 0; i < tokens; i++) {
              for (let j = 0; j < tokens; j++) {
                const byKind: Record<StepKind, boolean | null> = {
                  'diagonal': j <= i, 'full': true, 'skip': false, 'triangle': j <= i, 'strict-triangle': j < i,
                  'first-half-kv': j < tokens / 2, 'second-half-q': i >= tokens / 2, 'partial': null, 'none': null,
                }
                if (byKind[kind] !== null) expect(byKind[kind]).toBe(positions[rank][i] >= positions[kvOwner][j])
              }
            }
          }
        }
      })
    }
  }

  it('a full mask leaves no step partial', () => {
    const plan = planRun(testConfig({ world: 4, mask: 'full', seqLen: 64 }))
    expect(new Set(plan.ranks.flatMap((rank) => rank.steps.map((step) => step.kind)))).toEqual(new Set(['full']))
  })

  it('a window, documents and key padding make partial what they cut, and only that', () => {
    const kinds = (fields: Partial<RunConfig>): StepKind[] =>
      planRun(testConfig({ world: 2, seqLen: 16, layout: 'contiguous', ...fields })).ranks[1].steps.map(({ kind }) => kind)
    expect(kinds({})).toEqual(['diagonal', 'full'])
    expect(kinds({ lookback: 7 })).toEqual(['diagonal', 'partial'])
    expect(kinds({ lookback: 6 })).toEqual(['partial', 'partial'])
    expect(kinds({ lookback: 15 })).toEqual(['diagonal', 'full'])
    expect(kinds({ cuSeqlens: [0, 8, 16] })).toEqual(['diagonal'])
    expect(kinds({ cuSeqlens: [0, 4, 16] })).toEqual(['diagonal', 'partial'])
    expect(kinds({ keyPadding: [8] })).toEqual(['skip', 'full'])
    expect(kinds({ keyPadding: [12] })).toEqual(['partial', 'full'])
    // 3 x 2 keys of a full mask are as many pairs as a triangle of 3 has.
    expect(kinds({ mask: 'full', seqLen: 6, keyPadding: [5] })).toEqual(['partial', 'full'])
  })

  it('TransformerEngine names the same kinds d, l, u for its zigzag of four', () => {
    const letter: Partial<Record<StepKind, string>> = { 'diagonal': 'd', 'first-half-kv': 'l', 'second-half-q': 'u' }
    const plan = planRun(testConfig({ world: 4, seqLen: 64 }))
    expect(plan.ranks.map(({ steps }) => steps.map(({ kind }) => letter[kind]).join(','))).toEqual(['d,u,u,u', 'd,l,u,u', 'd,l,l,u', 'd,l,l,l'])
  })
})

describe('golden work and idle figures, causal, S = 256', () => {
  it.each([
    [8, { layout: 'contiguous' }, 7696, 0.4657], [8, { layout: 'striped' }, 4224, 0.0265], [8, { layout: 'zigzag' }, 4112, 0],
    [8, { layout: 'block-cyclic', cyclicWidth: 4 }, 4560, 0.0982], [8, { layout: 'block-cyclic', cyclicWidth: 8 }, 5008, 0.1789],
    [8, { layout: 'block-cyclic', cyclicWidth: 16 }, 5904, 0.3035],
    [4, { layout: 'contiguous' }, 14368, 0.4276], [4, { layout: 'striped' }, 8320, 0.0115], [4, { layout: 'zigzag' }, 8224, 0],
    [2, { layout: 'contiguous' }, 24640, 0.3325], [2, { layout: 'striped' }, 16512, 0.0039], [2, { layout: 'zigzag' }, 16448, 0],
  ] as const)('N=%i %o: makespan %i pairs, idle %f', (world, layout, makespanPairs, idleFraction) => {
    const plan = planRun(testConfig({ world, seqLen: 256, ...layout }))
    expect(plan.makespanPairs).toBe(makespanPairs)
    expect(plan.idleFraction).toBeCloseTo(idleFraction, 4)
    expect(plan.totalPairs).toBe(32896)
  })

  it.each(WORLDS)('N=%i: closed forms of work per rank', (world) => {
    const c = 32
    const seqLen = c * world
    const pairsOf = (layout: Layout): number[] => planRun(testConfig({ world, layout, seqLen })).ranks.map((rank) => rank.pairs)
    expect(pairsOf('contiguous')).toEqual(Array.from({ length: world }, (_, r) => r * c * c + (c * (c + 1)) / 2))
    expect(pairsOf('striped')).toEqual(Array.from({ length: world }, (_, r) => (world * c * c + c * (2 * r + 2 - world)) / 2))
    expect(pairsOf('zigzag')).toEqual(Array.from({ length: world }, () => (world * c * c + c) / 2))
  })

  it.each([[2, 4], [4, 8], [8, 16]])('N=%i, block-cyclic in t=%i: tile triangles with their diagonal or without', (world, t) => {
    for (const m of [1, 2, 6]) {
      const plan = planRun(testConfig({ world, layout: 'block-cyclic', cyclicWidth: t, seqLen: world * m * t }))
      const own = ((m * (m - 1)) / 2) * t * t + (m * t * (t + 1)) / 2
      expect(plan.makespanPairs).toBe(own + (world - 1) * ((m * (m + 1)) / 2) * t * t)
    }
  })

  it.each([2, 4, 8, 16])('N=%i: contiguous over zigzag tends to 2 - 1/N', (world) => {
    const seqLen = 4096 * world
    const ratio = planRun(testConfig({ world, layout: 'contiguous', seqLen })).makespanPairs /
      planRun(testConfig({ world, layout: 'zigzag', seqLen })).makespanPairs
    expect(ratio).toBeCloseTo(2 - 1 / world, 3)
  })

  it.each([2, 4, 6, 8, 16])('DistFlash, N=%i: a half and N/2 whole blocks, idle 1/(N + 1) and a little', (world) => {
    const c = 64
    const plan = planRun(testConfig({ world, algorithm: 'distflash', layout: 'contiguous', seqLen: c * world }))
    expect(plan.makespanPairs).toBe((c * (c + 1)) / 2 + (world / 2) * c * c)
    expect(plan.idleFraction).toBeCloseTo(1 / (world + 1), 2)
    expect(plan.ranks.map(({ steps }) => steps.findIndex(({ kind }) => kind === 'none')))
      .toEqual(Array.from({ length: world }, (_, rank) => (rank < world / 2 ? world / 2 : -1)))
  })

  it.each([3, 5, 7])('DistFlash, N=%i: nobody is idle', (world) => {
    const plan = planRun(testConfig({ world, algorithm: 'distflash', layout: 'contiguous', seqLen: 8 * world }))
    expect(plan.idleFraction).toBe(0)
  })

  it('Ulysses is never idle and every rank has all pairs, for its heads', () => {
    const plan = planRun(testConfig({ world: 8, algorithm: 'ulysses', seqLen: 256, layout: 'contiguous' }))
    expect([plan.idleFraction, plan.ranks[0].pairs, plan.totalPairs]).toEqual([0, 32896, 8 * 32896])
  })
})

describe('geometry', () => {
  it('hybrid: low ranks form Ulysses groups, K/V goes round among those who compute the same heads', () => {
    const plan = planRun(testConfig({ world: 8, algorithm: 'hybrid', ulyssesDegree: 2, ringSets: 2, batch: 2, seqLen: 32 }))
    expect(plan.geometry).toEqual({ world: 8, ringSets: 2, ringSize: 2, degree: 2, batch: 1 })
    const rank = plan.ranks[5]
    expect(rank.seat).toEqual({ set: 1, position: 0, member: 1 })
    expect(rankAt(plan.geometry, rank.seat)).toBe(5)
    expect(rank.ownRows).toEqual({ from: 8, to: 16 })
    expect(rank.steps.map(({ stage, sends }) => [stage, ...sends.map(({ peer }) => peer)])).toEqual([
      ['exchange', 4], ['attend', 7], ['attend'], ['exchange', 4],
    ])
  })
})
