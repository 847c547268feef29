import { describe, expect, test } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { CATEGORY_CODE, PAYLOAD_CODE } from '../../kernels/timeline/categories.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { addRankLanes } from '../timeline/rankLanes.ts'
import { TimelineBuilder } from '../timeline/timeline.ts'
import { runResult } from './runResult.ts'
import { keyValueHops, type Transfer, trafficFigures, transferOf } from './traffic.ts'

const configOf = (fields: Partial<RunConfigInput>) =>
  parseRunConfig({ world: 8, seqLen: 512, heads: 8, kvHeads: 8, headDim: 16, batch: 2, ...fields }, 'test')
const resultOf = (fields: Partial<RunConfigInput>) =>
  runResult(simulateRing(configOf(fields), { gflopsPerRank: 10, link: { bandwidthGBps: 1, latencyUs: 5 } }), null)

describe('what a simulated run received', () => {
  const algorithms: readonly Partial<RunConfigInput>[] = [
    { world: 1 }, { algorithm: 'ring' }, { algorithm: 'double-ring', window: 2 }, { algorithm: 'double-ring', window: 4 }, { algorithm: 'ulysses' },
    { algorithm: 'hybrid', ulyssesDegree: 2 }, { ringSets: 2 }, { algorithm: 'distflash', layout: 'contiguous' },
    { algorithm: 'distflash', layout: 'contiguous', world: 3, seqLen: 300 }, { layout: 'contiguous', lookback: 100 }, { wireDtype: 'bfloat16' },
  ]
  test.each(algorithms.flatMap((fields) => (['forward', 'forward-backward'] as const).map((pass) => ({ ...fields, pass }))))('is what the plan says: %o', (fields) => {
    const { traffic, hops, bytesPerHop, theory } = resultOf(fields)
    expect(traffic).toEqual(traffic.map((kind) => ({ ...kind, ...kind.theory })))
    expect({ hops, bytesPerHop: hops === 0 ? theory.bytesPerHop : bytesPerHop }).toEqual({ hops: theory.hops, bytesPerHop: theory.bytesPerHop })
  })

  test('K/V and gradients are told apart: N - 1 hops each, gradients in float32 whatever the wire', () => {
    const { traffic } = resultOf({ pass: 'forward-backward', wireDtype: 'bfloat16' })
    const bytes = 2 * 2 * 8 * 64 * 16
    expect(traffic.map(({ payload, pass, hops, bytesPerHop }) => [payload, pass, hops, bytesPerHop])).toEqual([
      ['kv', 'forward', 7, 2 * bytes], ['kv', 'backward', 7, 2 * bytes], ['dkv', 'backward', 7, 4 * bytes],
    ])
  })

  test('hops of a double ring are those of both rings, those of Ulysses its first all-to-all', () => {
    expect(resultOf({ algorithm: 'double-ring', window: 4 })).toMatchObject({ hops: 7 })
    expect(resultOf({ algorithm: 'ulysses', pass: 'forward-backward' })).toMatchObject({ hops: 7 })
    expect(resultOf({ algorithm: 'hybrid', ulyssesDegree: 4 })).toMatchObject({ hops: 1 })
  })
})

describe('counting', () => {
  const plan = planRun(configOf({ world: 2, batch: 1 }))
  const [planned] = plan.traffic
  const received = (fields: Partial<Transfer>): Transfer => ({ channel: 'kv', payload: 'kv', step: 0, sender: 0, bytes: 64, ...fields })

  test('is of the rank that sends most, a mean over iterations', () => {
    const both = { transfers: [received({ sender: 0 }), received({ sender: 1 })] }
    expect(trafficFigures(plan, [both, both])).toMatchObject([{ hops: 1 }])
    expect(trafficFigures(plan, [both, { transfers: [] }])).toMatchObject([{ hops: 0.5 }])
    expect(trafficFigures(plan, [{ transfers: [received({}), received({}), received({ sender: 1 })] }])).toMatchObject([{ hops: 2 }])
  })

  test('shows what was planned and did not arrive, and what arrived unplanned', () => {
    expect(trafficFigures(plan, [{ transfers: [received({ channel: 'dkv', payload: 'dkv' })] }])).toEqual([
      { channel: 'kv', payload: 'kv', pass: 'forward', hops: 0, bytesPerHop: 0, theory: { hops: planned.hops, bytesPerHop: planned.bytesPerHop } },
      { channel: 'dkv', payload: 'dkv', pass: 'forward', hops: 1, bytesPerHop: 64, theory: { hops: 0, bytesPerHop: 0 } },
    ])
  })

  test('of no iteration is 0', () => {
    expect(trafficFigures(plan, [])).toMatchObject([{ hops: 0, bytesPerHop: 0 }])
    expect(keyValueHops([])).toEqual({ hops: 0, bytesPerHop: 0 })
  })
})

test('a receive without a payload is K/V, one on the compute lane is no transfer', () => {
  const builder = new TimelineBuilder('old', 'run')
  const config = configOf({ world: 2 })
  const [lanes] = addRankLanes(builder, planRun(config))
  const name = builder.intern('recv')
  const recv = { category: CATEGORY_CODE.recv, name, startNs: 0, durationNs: 5, step: 0, peer: 1, bytes: 32 }
  builder.append({ ...recv, lane: lanes[2] })
  builder.append({ ...recv, lane: lanes[0], payload: PAYLOAD_CODE.kv })
  const { run } = simulateRing(config, { gflopsPerRank: 1, link: null })
  const timeline = builder.timeline(run)
  expect(transferOf(timeline, 0)).toEqual({ channel: 'kv', payload: 'kv', step: 0, sender: 1, bytes: 32 })
  expect(transferOf(timeline, 1)).toBeNull()
})
