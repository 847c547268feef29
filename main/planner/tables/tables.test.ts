import { describe, expect, test } from 'vitest'
import { clusterModel } from '../../../preload/contract/simulation.ts'
import { modelSizes } from '../../../preload/contract/planner.ts'
import { clusterOf, mergeRowNs } from '../../../preload/contract/clusterOf.ts'
import type { MachineRates } from '../../../preload/contract/rates.ts'
import { plannerTables } from './tables.ts'
import { thisMachineCluster } from './thisMachine.ts'

const { accelerators, links, models } = plannerTables(null)

describe('tables', () => {
  test('ids are unique, and every entry says where its figures come from', () => {
    for (const table of [accelerators, links, models]) {
      expect(new Set(table.map(({ id }) => id)).size).toBe(table.length)
      for (const { id, source } of table) expect(source, id).toMatch(/checked|measured|reference section|assumed|nominal/)
    }
  })

  test('rates of A100 and H800 are those of the published single-GPU iterations', () => {
    const pairs = (8192 * 8193) / 2
    for (const [id, forward, both] of [['a100-sxm', 46.7, 11.8], ['h800-sxm', 73.9, 19.3]] as const) {
      const entry = accelerators.find((each) => each.id === id)
      const seconds = { forward: 1 / (8 * forward), both: 1 / (8 * both) }
      const share = (flopsPerPair: number, took: number): number => (pairs * flopsPerPair) / took / 1e12 / (entry?.peakTflops ?? Number.NaN)
      expect(entry?.forwardEfficiency).toBeCloseTo(share(4 * 32 * 128, seconds.forward), 2)
      expect(entry?.backwardEfficiency).toBeCloseTo(share(10 * 32 * 128, seconds.both - seconds.forward), 2)
    }
  })

  test('every accelerator over every link is a cluster that the simulator takes', () => {
    for (const accelerator of accelerators) {
      for (const link of links) {
        const cluster = clusterOf({ accelerator, link, nodes: { ranksPerNode: 8, link }, headDim: 128 })
        expect(clusterModel.parse(cluster)).toEqual(cluster)
      }
    }
    for (const { sizes } of models) expect(modelSizes.parse(sizes)).toEqual(sizes)
  })

  test('merging a row waits for memory: twice the bandwidth, half the time', () => {
    expect(mergeRowNs(128, 4000)).toBe(mergeRowNs(128, 2000) / 2)
  })
})

describe('this machine', () => {
  const attention = {
    backend: 'wasm', headDim: 64, heads: 4, kvHeads: 4, blockQ: 64, blockK: 128, processes: 2, forwardGflops: 35, backwardGflops: null,
    blockOverheadUs: 3, rowNs: 5, tile: { blockQ: 64, blockK: 128 }, fitError: 0.01,
  }
  const rates: MachineRates = {
    machineKey: 'k', measuredAt: '2026-01-01T00:00:00.000Z',
    roofline: { peakGflops: 50, levels: [], dispatchUs: 0.1, gexps: 1, build: 'relaxed' },
    attention: [attention], transports: [{ transport: 'socket', bandwidthGBps: 3, latencyUs: 40, fitError: 0.02 }], rings: [],
  }

  test('is nothing until blocks were measured', () => {
    expect(thisMachineCluster(null)).toBeNull()
    expect(thisMachineCluster({ ...rates, attention: [] })).toBeNull()
  })

  test('is the blocks that were measured last, with their ring or else idle hops', () => {
    const alone = thisMachineCluster(rates)
    expect(alone).toMatchObject({ device: { forwardGflops: 35, backwardGflops: 35, rowNs: 5 }, intra: { bandwidthGBps: 3, latencyUs: 40 }, elementBytes: null })
    expect(alone).not.toHaveProperty('runtime')
    const ring = {
      backend: 'wasm', transport: 'shared-memory', world: 2, stepUs: 20, startUs: 5, startRowNs: 1, finishRowNs: 2, rendezvousUs: 30, linkBound: false, jitter: { compute: 0, step: 0, start: 0, rendezvous: 0 },
      bandwidthGBps: 5, latencyUs: 60, fitError: 0.1,
    } as const
    const withRing = thisMachineCluster({ ...rates, rings: [ring] })
    expect(withRing).toMatchObject({ intra: { bandwidthGBps: 5, latencyUs: 60 }, runtime: { stepUs: 20, rendezvousUs: 30 } })
    expect(clusterModel.parse(withRing)).toEqual(withRing)
  })
})
