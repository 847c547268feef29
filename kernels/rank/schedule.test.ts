import { describe, expect, it } from 'vitest'
import { parseRunConfig, type RunConfig } from '../config/runConfig.ts'
import { countPairs } from '../plan/keyRanges.ts'
import { planRun } from '../plan/plan.ts'
import { hopNumber, scheduleRank } from './schedule.ts'

const config = (changes: Record<string, unknown>): RunConfig =>
  parseRunConfig({ world: 4, seqLen: 37, heads: 2, headDim: 4, ...changes }, 'test')

describe('scheduleRank', () => {
  it.each(['contiguous', 'striped', 'zigzag'])('gives %s ranks the very pairs that the plan counts', (layout) => {
    const given = config({ layout })
    const plan = planRun(given)
    for (const { rank, steps } of plan.ranks) {
      const schedule = scheduleRank(given, rank)
      expect(schedule.steps.map(({ work }) => (work === null ? 0 : countPairs(work.ranges)))).toEqual(steps.map((step) => step.pairs))
      expect(schedule.steps.map(({ work }) => work?.flops ?? 0)).toEqual(steps.map((step) => step.pairs * plan.flopsPerPair))
    }
  })

  it('attends to the slot it received into, and receives into the other', () => {
    expect(scheduleRank(config({}), 1).steps.map((step) => step.heldSlot)).toEqual([0, 1, 0, 1])
  })

  it('hands every block on but the last', () => {
    expect(scheduleRank(config({}), 1).steps.map((step) => step.hop)).toEqual([
      { sendOwner: 1, recvOwner: 0 }, { sendOwner: 0, recvOwner: 3 }, { sendOwner: 3, recvOwner: 2 }, null,
    ])
    expect(scheduleRank(config({ world: 1 }), 0).steps.map((step) => step.hop)).toEqual([null])
  })
})

describe('hopNumber', () => {
  it('is different for every hop of a run', () => {
    const schedule = scheduleRank(config({}), 0)
    const numbers = new Set<number>()
    for (let iteration = 0; iteration < 3; iteration++) {
      for (let step = 0; step < schedule.hops; step++) {
        for (let sender = 0; sender < schedule.world; sender++) numbers.add(hopNumber(schedule, iteration, step, sender))
      }
    }
    expect(numbers.size).toBe(3 * 3 * 4)
  })
})
