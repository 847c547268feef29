import { describe, expect, it } from 'vitest'
import { findInstallation } from '../installation.ts'
import { pagePlan } from './pagePlan.ts'
import { Planner } from './planThread.ts'
import { smallConfig } from './testing/runs.ts'

const { planEntry } = findInstallation()
const large = smallConfig({ world: 260, seqLen: 1040 })

describe('plans for pages', () => {
  it('are the same from either thread', async () => {
    expect(await new Planner(planEntry).plan(large)).toEqual(pagePlan(large))
    expect(await new Planner(planEntry).plan(smallConfig())).toEqual(pagePlan(smallConfig()))
  })

  it('leave this thread free while a large one is made', async () => {
    let turns = 0
    const timer = setInterval(() => { turns++ }, 1)
    await new Planner(planEntry).plan(large)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(1)
  })

  it('go on after one that failed, and small ones need no thread', async () => {
    const broken = new Planner('/no/such/module.js')
    await expect(broken.plan(large)).rejects.toThrow(/module/)
    await expect(broken.plan(large)).rejects.toThrow(/module/)
    expect((await broken.plan(smallConfig())).plan.world).toBe(2)
  })
})
