import { describe, expect, it } from 'vitest'
import type { RunConfig } from '../config/runConfig.ts'
import type { Plan, Traffic } from './plan.ts'
import { planRun } from './planRun.ts'
import { describeCase, planCases, testConfig } from './testing/cases.ts'

const WORLDS = [1, 2, 3, 4, 5, 6, 7, 8]

/** Rows of the table as `pass channel payload: hops`. */
const hopsOf = ({ traffic }: Plan): Record<string, number> =>
  Object.fromEntries(traffic.map(({ pass, channel, payload, hops }) => [`${pass} ${channel} ${payload}`, hops]))

const bytesOf = (plan: Plan, pass: Traffic['pass']): number =>
  plan.traffic.filter((row) => row.pass === pass).reduce((sum, { hops, bytesPerHop }) => sum + hops * bytesPerHop, 0)

const withGradients = (fields: Parameters<typeof testConfig>[0]): Plan => planRun(testConfig({ pass: 'forward-backward', ...fields }))

describe('the traffic table', () => {
  it('is what the steps add up to on the rank that sends most, for every algorithm, layout and mask', () => {
    for (const world of [1, 2, 4, 5, 6, 8]) {
      for (const config of planCases(world, [3 * world + 1])) {
        const plan = planRun({ ...config, pass: 'forward-backward' })
        const counted = new Map<string, number>()
        for (const { steps } of plan.ranks) {
          const ofRank = new Map<string, number>()
          for (const { pass, sends } of steps) {
            for (const { channel, payload, bytes } of sends) {
              const row = `${pass} ${channel} ${payload} ${bytes}`
              ofRank.set(row, (ofRank.get(row) ?? 0) + 1)
            }
          }
          for (const [row, hops] of ofRank) counted.set(row, Math.max(hops, counted.get(row) ?? 0))
        }
        const rows = plan.traffic.map(({ pass, channel, payload, bytesPerHop, hops }) => [`${pass} ${channel} ${payload} ${bytesPerHop}`, hops])
        expect(Object.fromEntries(rows), describeCase(config)).toEqual(Object.fromEntries(counted))
        const posted = plan.ranks.map(({ steps }) => JSON.stringify(steps.map(({ sends, recvs }) =>
          [sends, recvs].map((moves) => moves.map(({ channel, payload, bytes, settleStep }) => [channel, payload, bytes, settleStep])))))
        if (plan.movesAlike) expect(new Set(posted).size, describeCase(config)).toBe(1)
      }
    }
  })
})

describe('ring', () => {
  it.each(WORLDS)('N=%i: N - 1 hops of 2 b Hkv c D e forward; N - 1 of K/V and N - 1 of gradients backward', (world) => {
    const plan = withGradients({ world, seqLen: 64 * world, batch: 3, heads: 4, kvHeads: 2, headDim: 16 })
    const block = 2 * 3 * 2 * 64 * 16
    expect([plan.hops, plan.bytesPerHop]).toEqual([world - 1, block * 4])
    const rows = world === 1 ? [] : [
      { channel: 'kv', payload: 'kv', pass: 'forward', hops: world - 1, bytesPerHop: block * 4 },
      { channel: 'kv', payload: 'kv', pass: 'backward', hops: world - 1, bytesPerHop: block * 4 },
      { channel: 'dkv', payload: 'dkv', pass: 'backward', hops: world - 1, bytesPerHop: block * 4 },
    ]
    expect(plan.traffic).toEqual(rows)
  })

  it.each([1, 7, 13, 30])('%i tokens: the same hops where lengths do not divide', (seqLen) => {
    for (const world of WORLDS) expect(planRun(testConfig({ world, seqLen })).hops).toBe(world - 1)
  })

  it('bfloat16 halves K/V on the wire and leaves gradients as they are', () => {
    const [float32, bfloat16] = (['float32', 'bfloat16'] as const).map((wireDtype) => withGradients({ world: 4, seqLen: 64, wireDtype }))
    const bytes = ({ traffic }: Plan): number[] => traffic.map(({ bytesPerHop }) => bytesPerHop)
    expect(bytes(bfloat16)).toEqual([bytes(float32)[0] / 2, bytes(float32)[1] / 2, bytes(float32)[2]])
  })

  it('element sizes of another engine: bf16 outputs and gradients halve what carries them, and lse stays float32', () => {
    const bytes = { kv: 2, query: 2, gradient: 2 }
    const config = testConfig({ world: 4, seqLen: 64, algorithm: 'distflash', layout: 'contiguous', pass: 'forward-backward', heads: 8, kvHeads: 2, headDim: 4 })
    const rows = 8 * 16
    const perHop = Object.fromEntries(planRun(config, bytes).traffic.map(({ pass, payload, bytesPerHop }) => [`${pass} ${payload}`, bytesPerHop]))
    expect(perHop).toEqual({
      'forward kv': 2 * 2 * 16 * 4 * 2, 'forward query': rows * 4 * 2, 'forward partial': rows * 4 * 2 + rows * 4,
      'backward kv': 2 * 2 * 16 * 4 * 2, 'backward query': 2 * rows * 4 * 2 + 2 * rows * 4, 'backward dkv': 2 * 2 * 16 * 4 * 2, 'backward dq': rows * 4 * 2,
    })
    const ulysses = testConfig({ world: 4, seqLen: 64, algorithm: 'ulysses', pass: 'forward-backward', heads: 8, kvHeads: 4, headDim: 4 })
    const parts = planRun(ulysses, { kv: 1, query: 2, gradient: 3 }).traffic.map(({ payload, bytesPerHop }) => [payload, bytesPerHop])
    const [queries, keys] = [16 * 2 * 4, 2 * 16 * 1 * 4]
    expect(parts).toEqual([['qkv', queries * 2 + keys], ['out', queries * 2], ['dout', queries * 3], ['dqkv', (queries + keys) * 3]])
  })

  it('K/V of rank r - s is held at step s; backward the same blocks in reverse, home at the last step', () => {
    const { ranks } = withGradients({ world: 4, seqLen: 64 })
    expect(ranks[1].steps.map(({ kvOwner }) => kvOwner)).toEqual([1, 0, 3, 2, 2, 3, 0, 1])
    expect(ranks[1].steps.map(({ sends }) => sends.map(({ channel, peer }) => `${channel} to ${peer}`))).toEqual([
      ['kv to 2'], ['kv to 2'], ['kv to 2'], [], ['kv to 0'], ['kv to 0', 'dkv to 0'], ['kv to 0', 'dkv to 0'], ['dkv to 0'],
    ])
  })

  it('ring sets: rings side by side, each with its part of the batch', () => {
    const plan = planRun(testConfig({ world: 6, ringSets: 2, batch: 4, seqLen: 30, kvHeads: 2, headDim: 16, layout: 'contiguous' }))
    expect([plan.hops, plan.bytesPerHop]).toEqual([2, 2 * 2 * 2 * 10 * 16 * 4])
    for (const { rank, steps } of plan.ranks) {
      for (const { peer } of steps.flatMap(({ sends }) => sends)) expect(Math.floor(peer / 3)).toBe(Math.floor(rank / 3))
    }
  })
})

describe('lookback window: only the hops that are needed are made', () => {
  it.each(WORLDS)('N=%i, contiguous: min(N - 1, ceil(w / c)) hops, exact at the edges', (world) => {
    const c = 8
    for (const lookback of [0, 1, 7, 8, 9, 16, 17, 23, 24, 25, 100]) {
      const plan = withGradients({ world, seqLen: c * world, layout: 'contiguous', lookback })
      const hops = Math.min(world - 1, Math.ceil(lookback / c))
      expect(plan.hops, `lookback ${lookback}`).toBe(hops)
      expect(hopsOf(plan)).toEqual(hops === 0 ? {} : { 'forward kv kv': hops, 'backward kv kv': hops, 'backward dkv dkv': hops })
    }
  })

  it('DistFlash: none beyond the window, and no helper where no query looks back that far', () => {
    const plan = (lookback: number): Plan => withGradients({ world: 8, seqLen: 64, algorithm: 'distflash', layout: 'contiguous', lookback })
    expect(hopsOf(plan(0))).toEqual({})
    expect(hopsOf(plan(9))).toEqual({ 'forward kv kv': 2, 'backward kv kv': 2, 'backward dkv dkv': 2 })
    expect(hopsOf(plan(34))).toMatchObject({ 'forward kv kv': 4, 'forward query query': 1, 'forward result partial': 1 })
  })

  it('a double ring goes whole windows', () => {
    const hops = (lookback: number): Record<string, number> => hopsOf(withGradients(
      { world: 8, seqLen: 64, algorithm: 'double-ring', window: 4, layout: 'contiguous', lookback }))
    expect(hops(64)).toMatchObject({ 'forward kv kv': 6, 'forward kv-outer kv': 1 })
    expect(hops(0)).toEqual({ 'forward kv kv': 3, 'backward kv kv': 3, 'backward dkv dkv': 3 })
  })

  it('documents and key padding likewise', () => {
    const hops = (fields: Partial<RunConfig>): number => planRun(testConfig({ world: 4, seqLen: 32, layout: 'contiguous', ...fields })).hops
    expect(hops({ cuSeqlens: [0, 8, 16, 24, 32] })).toBe(0)
    expect(hops({ cuSeqlens: [0, 5, 18, 32] })).toBe(2)
    expect(hops({ mask: 'full', cuSeqlens: [0, 16, 32] })).toBe(3)
    expect(hops({ keyPadding: [32] })).toBe(3)
    expect(hops({ keyPadding: [0] })).toBe(0)
  })
})

describe('double ring', () => {
  it.each([[8, 2], [8, 4], [12, 3], [12, 4], [16, 4], [8, 1], [8, 8]])('N=%i, w=%i: (N/w)(w - 1) inner and N/w - 1 outer hops', (world, window) => {
    const inner = (world / window) * (window - 1)
    const outer = world / window - 1
    const plan = withGradients({ world, seqLen: 4 * world, algorithm: 'double-ring', window })
    const rows = {
      'forward kv kv': inner, 'forward kv-outer kv': outer, 'backward kv kv': inner, 'backward kv-outer kv': outer,
      'backward dkv dkv': inner, 'backward dkv-outer dkv': outer,
    }
    expect(hopsOf(plan)).toEqual(Object.fromEntries(Object.entries(rows).filter(([, hops]) => hops > 0)))
    expect(plan.hops).toBe(world - 1)
  })

  it('visits blocks window by window, and sends a window its first block while it goes round', () => {
    const world = 8
    const w = 4
    const { ranks } = withGradients({ world, seqLen: 64, algorithm: 'double-ring', window: w })
    for (const { rank, steps } of ranks) {
      const [u, p] = [Math.floor(rank / w), rank % w]
      for (const { step, pass, kvOwner, sends } of steps) {
        const forwardStep = pass === 'forward' ? step : 15 - step
        const [j, i] = [Math.floor(forwardStep / w), forwardStep % w]
        expect(kvOwner).toBe(w * ((u - j + 2) % 2) + ((p - i + w) % w))
        const outer = sends.filter(({ channel }) => channel === 'kv-outer')
        expect(outer.map(({ peer, settleStep }) => [peer, settleStep])).toEqual(
          step % 8 === 0 ? [[(rank + w) % world, step + w - 1]] : [])
        const diagonal = sends.filter(({ channel }) => channel === 'dkv-outer')
        expect(diagonal.map(({ peer }) => peer)).toEqual(step === 12 ? [w * ((u + 1) % 2) + ((p - 1 + w) % w)] : [])
      }
    }
  })

  it('K/V slots: 2 with w = 1, 3 with w = 2, 4 from there on', () => {
    const slots = (window: number): number => withGradients({ world: 12, seqLen: 64, algorithm: 'double-ring', window }).ranks[0].kvSlots
    expect([1, 2, 3, 4, 6].map(slots)).toEqual([2, 3, 4, 4, 4])
  })
})

describe('Ulysses and hybrid', () => {
  const shape = { heads: 16, headDim: 16, seqLen: 32 * 8, batch: 2 }

  it.each([[8, 16], [8, 8], [8, 4], [8, 1], [4, 8], [2, 1], [1, 4]])(
    'N=%i, Hkv=%i: forward (N-1)/N c d b e (2 Hq + 2 max(Hkv, N)), backward the same', (world, kvHeads) => {
      const plan = withGradients({ ...shape, world, kvHeads, algorithm: 'ulysses', layout: 'contiguous' })
      const volume = ((world - 1) / world) * plan.shardTokens * 16 * 2 * 4 * (2 * 16 + 2 * Math.max(kvHeads, world))
      expect([bytesOf(plan, 'forward'), bytesOf(plan, 'backward')]).toEqual([volume, volume])
      expect(plan.hops).toBe(world - 1)
    })

  it.each([[1, 4, 2], [1, 8, 4], [4, 4, 0.8], [4, 8, 1.6], [8, 4, 4 / 9], [8, 8, 8 / 9], [8, 16, 16 / 9]])(
    'Hq/Hkv=%i, N=%i: a ring moves N/(R + 1) = %f times as much, where Hkv >= N', (ratio, world, expected) => {
      const fields = { world, heads: 16 * ratio, kvHeads: 16, headDim: 8, seqLen: 16 * world }
      const ring = planRun(testConfig(fields))
      const ulysses = planRun(testConfig({ ...fields, algorithm: 'ulysses' }))
      expect(bytesOf(ring, 'forward') / bytesOf(ulysses, 'forward')).toBeCloseTo(expected, 12)
    })

  it('hybrid: all-to-alls among the members, and a ring of N/degree positions with the group\'s tokens and part of the heads', () => {
    const plan = withGradients({ ...shape, world: 8, kvHeads: 8, algorithm: 'hybrid', ulyssesDegree: 2 })
    expect(hopsOf(plan)).toEqual({
      'forward all-to-all qkv': 1, 'forward kv kv': 3, 'forward all-to-all out': 1,
      'backward all-to-all dout': 1, 'backward kv kv': 3, 'backward dkv dkv': 3, 'backward all-to-all dqkv': 1,
    })
    expect([plan.hops, plan.bytesPerHop]).toEqual([3, 2 * 2 * (8 / 2) * 64 * 16 * 4])
    expect(plan.computeTokens).toBe(64)
    const oneHead = planRun(testConfig({ ...shape, world: 8, kvHeads: 1, algorithm: 'hybrid', ulyssesDegree: 2 }))
    expect(oneHead.bytesPerHop).toBe(2 * 2 * 1 * 64 * 16 * 4)
  })

  it('members that share key/value heads sum their gradients, others have none to sum', () => {
    const folds = (kvHeads: number): string[] => withGradients({ ...shape, world: 4, kvHeads, algorithm: 'ulysses' })
      .ranks[0].steps.flatMap((step) => step.folds.map(({ what }) => what))
    expect(folds(2)).toEqual(['shared-gradients'])
    expect(folds(4)).toEqual([])
  })
})

describe('DistFlash', () => {
  it.each([2, 3, 4, 5, 6, 7, 8, 16])('N=%i: floor(N/2) direct K/V transfers, and as many helped blocks as even it out', (world) => {
    const plan = withGradients({ world, seqLen: 8 * world, algorithm: 'distflash', layout: 'contiguous', headDim: 16, kvHeads: 4 })
    const half = Math.floor(world / 2)
    const helped = Math.ceil(world / 2) - 1
    const rows = {
      'forward kv kv': half, 'forward query query': helped, 'forward result partial': helped,
      'backward kv kv': half, 'backward query query': helped, 'backward dkv dkv': half, 'backward result dq': helped,
    }
    expect(hopsOf(plan)).toEqual(Object.fromEntries(Object.entries(rows).filter(([, hops]) => hops > 0)))
    const bytes = Object.fromEntries(plan.traffic.map(({ pass, payload, bytesPerHop }) => [`${pass} ${payload}`, bytesPerHop]))
    const [q, row, kv] = [8 * 8 * 16 * 4, 8 * 8 * 4, 2 * 4 * 8 * 16 * 4]
    expect(bytes).toMatchObject({ 'forward kv': kv, 'backward dkv': kv })
    if (helped > 0) {
      expect(bytes).toMatchObject({ 'forward query': q, 'forward partial': q + row, 'backward query': 2 * q + 2 * row, 'backward dq': q })
    }
    for (const { steps } of plan.ranks) {
      for (const { sends } of steps) expect(sends.filter(({ payload }) => payload === 'kv' || payload === 'query').length).toBeLessThanOrEqual(1)
    }
  })

  it('K/V goes straight from its owner to its user, one step ahead', () => {
    const { ranks } = planRun(testConfig({ world: 8, seqLen: 64, algorithm: 'distflash', layout: 'contiguous' }))
    expect(ranks[6].steps.map(({ recvs }) => recvs.filter(({ payload }) => payload === 'kv').map(({ peer, owner }) => [peer, owner])))
      .toEqual([[[5, 5]], [[4, 4]], [[3, 3]], [[2, 2]], []])
  })
})

describe('hop numbers', () => {
  it('fit 32-bit columns in the largest world', () => {
    for (const fields of [
      { algorithm: 'ring' }, { algorithm: 'double-ring', window: 32 }, { algorithm: 'distflash', layout: 'contiguous' },
      { algorithm: 'ulysses', heads: 1024 }, { algorithm: 'hybrid', ulyssesDegree: 32, heads: 32 },
    ] as const) {
      const { hopNumbers } = withGradients({ world: 1024, seqLen: 4096, ...fields })
      expect(hopNumbers).toBeLessThan(2 ** 31)
    }
  })
})
