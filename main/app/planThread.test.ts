import { describe, expect, it } from 'vitest'
import { findInstallation } from '../installation.ts'
import { UNDISTURBED } from '../simulator/circumstances.ts'
import { emulatedCluster } from '../simulator/emulatedCluster.ts'
import { simulate } from '../simulator/simulate.ts'
import { pagePlan } from './pagePlan.ts'
import { Planner, type SimulationRequest } from './planThread.ts'
import { smallConfig } from './testing/runs.ts'

const { planEntry } = findInstallation()
const large = smallConfig({ world: 260, seqLen: 1040 })

describe('plans for pages', () => {
  it('are the same from either thread', async () => {
    expect(await new Planner(planEntry).plan(large)).toEqual(pagePlan(large))
    expect(await new Planner(planEntry).plan(smallConfig())).toEqual(pagePlan(smallConfig()))
  })

  it('and simulations are the same from either thread', async () => {
    const disturbance = { ...UNDISTURBED, computeJitter: 0.1, seed: 5 }
    for (const world of [4, 120]) {
      const config = smallConfig({ world, seqLen: 4 * world })
      const cluster = emulatedCluster(config, { gflopsPerRank: 3, link: { bandwidthGBps: 1, latencyUs: 2 } })
      const { spans, ...rest } = await new Planner(planEntry).simulation({ config, cluster, disturbance })
      const { spans: expected, ...expectedRest } = simulate(config, cluster, disturbance)
      expect(rest).toEqual(expectedRest)
      expect(Buffer.from(spans.startNs.buffer).equals(Buffer.from(expected.startNs.buffer))).toBe(true)
    }
  })

  it('refuses simulations that no timeline can show, from either thread with what is wrong', async () => {
    const planner = new Planner(planEntry)
    const cluster = emulatedCluster(large, { gflopsPerRank: 3, link: null })
    const request = (changes: Record<string, unknown>): SimulationRequest => ({ config: smallConfig(changes), cluster, disturbance: UNDISTURBED })
    await expect(planner.simulation(request({ world: 1024, seqLen: 1024 }))).rejects.toThrow(/world: expected so few ranks .* at most 600000, and here are 3143680/)
    await expect(planner.simulation({ ...request({}), cluster: { ...cluster, ranksPerNode: 2 } }))
      .rejects.toThrow(/cluster\.inter: expected both inter and ranksPerNode, or neither/)
    for (const world of [2, 200]) {
      const death = { rank: world, step: 0 }
      await expect(planner.simulation({ ...request({ world, seqLen: world }), disturbance: { ...UNDISTURBED, death } }))
        .rejects.toThrow(/death\.rank: expected a rank from 0 to/)
    }
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
