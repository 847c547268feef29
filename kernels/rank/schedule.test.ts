import { describe, expect, it } from 'vitest'
import { parseRunConfig, type RunConfig } from '../config/runConfig.ts'
import { countPairs } from '../plan/keyRanges.ts'
import { planRun } from '../plan/planRun.ts'
import { hopNumber, scheduleRank } from './schedule.ts'

const config = (changes: Record<string, unknown>): RunConfig =>
  parseRunConfig({ world: 4, seqLen: 37, batch: 4, heads: 4, kvHeads: 2, headDim: 4, pass: 'forward-backward', ...changes }, 'test')

const algorithms = [
  {}, { layout: 'contiguous' }, { layout: 'striped', ringSets: 2 }, { algorithm: 'double-ring', window: 2 }, { algorithm: 'ulysses' },
  { algorithm: 'hybrid', ulyssesDegree: 2 }, { algorithm: 'distflash', layout: 'contiguous' }, { lookback: 5, layout: 'contiguous' },
  { keyPadding: [37, 0, 12, 30] }, { keyPadding: [37, 0, 12, 30], ringSets: 2 },
]

describe('scheduleRank', () => {
  it.each(algorithms)('gives ranks of %j the very pairs that the plan counts', (changes) => {
    const given = config(changes)
    const plan = planRun(given)
    for (const { rank, steps } of plan.ranks) {
      const schedule = scheduleRank(given, rank)
      expect(schedule.steps.map(({ work }) => (work === null ? 0 : work.ranges.reduce((sum, ranges) => sum + countPairs(ranges), 0))))
        .toEqual(steps.map((step) => step.pairs))
      expect(schedule.steps.map(({ work }) => work?.flops ?? 0)).toEqual(steps.map(({ pass, pairs }) =>
        pairs * (pass === 'forward' ? plan.flopsPerPair : plan.backwardFlopsPerPair)))
    }
  })

  it('has ranges for each batch item of its set where they differ, and one entry where not', () => {
    const entries = (changes: Record<string, unknown>, rank: number): number | undefined =>
      scheduleRank(config(changes), rank).steps.find(({ work }) => work !== null)?.work?.ranges.length
    expect(entries({}, 3)).toBe(1)
    expect(entries({ keyPadding: [37, 0, 12, 30] }, 3)).toBe(4)
    expect(entries({ keyPadding: [37, 0, 12, 30], ringSets: 2 }, 3)).toBe(2)
  })

  it('knows which rows, heads and batch items are the rank\'s', () => {
    const ringOfTwo = scheduleRank(config({ ringSets: 2 }), 3)
    expect(ringOfTwo).toMatchObject({ firstItem: 2, shape: { batch: 2, heads: 4, kvHeads: 2, tokens: 20 } })
    expect(ringOfTwo.homePositions).toEqual(ringOfTwo.positions)

    const members = [0, 1, 2, 3].map((rank) => scheduleRank(config({ algorithm: 'hybrid', ulyssesDegree: 2, layout: 'contiguous' }), rank))
    expect(members[1].positions).toEqual(members[0].positions)
    expect(members.flatMap(({ homePositions }) => [...homePositions])).toEqual(Array.from({ length: 40 }, (_, position) => position))
    expect(members[1]).toMatchObject({
      firstItem: 0, shape: { batch: 4, heads: 2, kvHeads: 1, tokens: 20 }, arena: { degree: 2, modelHeads: 4, modelKvHeads: 2 },
    })
  })
})

describe('hopNumber', () => {
  it.each(algorithms)('is different for every hop of a run and the same at both ends: %j', (changes) => {
    const given = config(changes)
    const numbers = (of: 'sends' | 'recvs'): number[] => [0, 1, 2].flatMap((iteration) => [0, 1, 2, 3].flatMap((rank) => {
      const schedule = scheduleRank(given, rank)
      return schedule.steps.flatMap(({ plan }) => plan[of].map(({ hop }) => hopNumber(schedule, iteration, hop)))
    })).toSorted((a, b) => a - b)
    expect(numbers('sends').length).toBeGreaterThan(0)
    expect(new Set(numbers('sends')).size).toBe(numbers('sends').length)
    expect(numbers('recvs')).toEqual(numbers('sends'))
  })

  it('stays a 32-bit integer in a run of any length', () => {
    const schedule = { hopStride: 3_000_000 }
    const iterations = [0, 1, 714, 715, 716, 9999]
    const numbers = iterations.map((iteration) => hopNumber(schedule, iteration, 2_999_999))
    for (const number of numbers) expect(number | 0).toBe(number)
    expect(new Set(numbers.slice(0, 3)).size).toBe(3)
    expect(numbers[3]).toBe(numbers[0])
  })
})
