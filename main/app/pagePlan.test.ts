import { describe, expect, it } from 'vitest'
import { planReport } from '../planner/planReport.ts'
import { MOST_RANKS_WITH_STEPS, pagePlan } from './pagePlan.ts'
import { smallConfig } from './testing/runs.ts'

describe('the plan as pages get it', () => {
  it('is the whole plan up to as many ranks as can be drawn', () => {
    const config = smallConfig({ world: MOST_RANKS_WITH_STEPS, seqLen: 1024 })
    expect(pagePlan(config)).toEqual(planReport(config))
  })

  it('leaves out the steps of larger worlds, and no figure', () => {
    const config = smallConfig({ world: MOST_RANKS_WITH_STEPS + 1, seqLen: 1024 })
    const whole = planReport(config)
    const plan = pagePlan(config)
    expect({ ...plan, plan: { ...plan.plan, ranks: [] } }).toEqual({ ...whole, plan: { ...whole.plan, ranks: [] } })
    expect(plan.plan.ranks).toEqual(whole.plan.ranks.map(({ rank, pairs }) => ({ rank, pairs, steps: [] })))
  })

  it('is made once for a config that is held', () => {
    const config = smallConfig()
    expect(pagePlan(config)).toBe(pagePlan(config))
  })
})
