import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clusterModel, disturbance } from '../../preload/contract/simulation.ts'
import {
  CUSTOM, firstDraft, problemOf, readCluster, readModel, readTroubles, THIS_MACHINE, withAccelerator, withField, withLink, withModel,
} from './plannerForm.ts'
import { TABLES } from './testPlannerData.ts'

const first = firstDraft(TABLES, 128)

describe('the planner\'s form', () => {
  it('begins with eight of the first accelerator to a node, joined by InfiniBand', () => {
    const { value, problems } = readCluster(first, TABLES, 64)
    expect(problems).toEqual([])
    expect(value).toMatchObject({
      label: 'A100, nv3 link; nodes of 8 over ib link', device: { forwardGflops: 156_000, backwardGflops: 124_800, memoryBytes: 80e9 },
      elementBytes: { kv: 2, query: 2, gradient: 4 }, intra: { bandwidthGBps: 300 }, inter: { bandwidthGBps: 25 }, ranksPerNode: 8,
    })
  })

  it('needs no link between nodes for devices that fit in one', () => {
    const noInter = { ...first, interGBps: '' }
    expect(readCluster(noInter, TABLES, 8).value).toMatchObject({ inter: null, ranksPerNode: null, label: 'A100, nv3 link' })
    expect(readCluster(noInter, TABLES, 9).problems.map(({ path }) => path)).toEqual(['interGBps'])
  })

  it('says that figures are the user\'s own once one was edited, and keeps the others', () => {
    const edited = withField(withField(first, 'forwardTflops', '200'), 'interGBps', '12')
    expect([edited.accelerator, edited.intra, edited.inter]).toEqual([CUSTOM, 'nv3', CUSTOM])
    expect(readCluster(edited, TABLES, 64).value).toMatchObject({
      label: 'a device of your own figures, nv3 link; nodes of 8 over 12.0 GB/s', device: { forwardGflops: 200_000, backwardGflops: 124_800 },
    })
    expect(withField(first, 'ranksPerNode', '4')).toMatchObject({ accelerator: 'a100', inter: 'ib' })
  })

  it('takes this machine with its own link and what the config says of element sizes, and an accelerator after it with 16 bits again', () => {
    const here = withAccelerator(first, TABLES, THIS_MACHINE, 64)
    expect(readCluster(here, TABLES, 4).value).toEqual({ ...TABLES.thisMachine, label: 'this machine, 3.00 GB/s' })
    expect(withAccelerator(here, TABLES, 'h100', 64)).toMatchObject({ accelerator: 'h100', elementBytes: '2-4' })
    expect(withAccelerator(here, TABLES, 'nothing', 64).accelerator).toBe(CUSTOM)
  })

  it('has no transfer times without a link', () => {
    expect(readCluster({ ...first, intraGBps: ' ' }, TABLES, 2).value).toMatchObject({ intra: null, label: 'A100, free links' })
  })

  it('refuses what is no number, names the input and says what it expects', () => {
    const { value, problems } = readCluster({ ...first, forwardTflops: '0', memoryGB: 'much', tile: '128', ranksPerNode: '2.5' }, TABLES, 8)
    expect(value).toBeNull()
    expect(problems).toEqual([
      { path: 'forwardTflops', expected: 'a number above 0, at most 1000000000', given: '"0"' },
      { path: 'tile', expected: 'two integers, query rows and keys, such as 128, 128', given: '"128"' },
      { path: 'memoryGB', expected: 'a number above 0, at most 1000', given: '"much"' },
      { path: 'ranksPerNode', expected: 'an integer from 1 to 1048576', given: '"2.5"' },
    ])
  })

  it('makes clusters and disturbances that the other side accepts, or none', () => {
    const typed = fc.oneof(fc.constantFrom('', '0', '1', '-1', '1e99', '1e10', '1e10, 1', 'NaN', 'Infinity', '0x10', '64, 64'), fc.double().map(String), fc.string())
    const paths = [...Object.keys(first), 'deathRank', 'stragglerRank']
    fc.assert(fc.property(fc.constantFrom(...paths), typed, fc.integer({ min: 1, max: 1024 }), (path, value, world) => {
      const draft = withField(first, path, value)
      const cluster = readCluster(draft, TABLES, world)
      if (cluster.value === null) expect(cluster.problems).not.toEqual([])
      else expect(clusterModel.safeParse(cluster.value).success).toBe(true)
      const troubles = readTroubles(draft, world)
      if (troubles.value !== null) expect(disturbance.safeParse(troubles.value.disturbance).success).toBe(true)
    }), { numRuns: 500 })
  })

  it('asks for the problem alone: a plain ring in the config\'s layout, without its slow ranks and devices', () => {
    expect(problemOf({ world: 8, layout: 'striped', algorithm: 'hybrid', ulyssesDegree: 4, stragglers: { 3: 2 }, devices: [0, 1], backend: 'wasm', link: null }))
      .toEqual({ world: 8, layout: 'striped', algorithm: 'ring', ulyssesDegree: 1, window: 1, stragglers: {}, devices: 'auto', backend: 'wasm', link: null })
  })

  it('takes a model\'s training and sharding, which can be changed', () => {
    expect(readModel(first, TABLES)).toEqual({ value: null, problems: [] })
    const chosen = withModel(first, TABLES, 'm')
    expect(readModel(chosen, TABLES).value).toEqual(TABLES.models[0].sizes)
    expect(readModel({ ...chosen, weightShards: '64', recompute: 'none' }, TABLES).value).toMatchObject({ weightShards: 64, recompute: 'none', layers: 32 })
    expect(readModel({ ...chosen, weightShards: '0' }, TABLES).problems.map(({ path }) => path)).toEqual(['weightShards'])
  })

  it('disturbs a simulation by shares, with slow and dying ranks that the problem has', () => {
    const disturbed = { ...first, computeJitter: '5', progress: 'barrier', stragglerRank: '3', stragglerFactor: '1.5', deathRank: '7', deathStep: '2' }
    expect(readTroubles(disturbed, 8).value).toEqual({
      disturbance: { computeJitter: 0.05, linkJitter: 0, seed: 0, death: { rank: 7, step: 2 }, progress: 'barrier' }, stragglers: { 3: 1.5 },
    })
    expect(readTroubles(disturbed, 4).problems).toEqual([{ path: 'deathRank', expected: 'an integer from 0 to 3', given: '"7"' }])
    expect(readTroubles(first, 8).value).toEqual({
      disturbance: { computeJitter: 0, linkJitter: 0, seed: 0, death: null, progress: 'free' }, stragglers: {},
    })
  })

  it('takes a link\'s figures, and leaves them when the user says they are their own', () => {
    expect(withLink(first, TABLES, 'intra', 'ib')).toMatchObject({ intra: 'ib', intraGBps: '25', intraLatencyUs: '5' })
    expect(withLink(first, TABLES, 'intra', CUSTOM)).toMatchObject({ intra: CUSTOM, intraGBps: '300' })
  })
})
