import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../../kernels/config/runConfig.ts'
import { planRun } from '../../../kernels/plan/planRun.ts'
import { simulateFigures } from '../../simulator/simulateFigures.ts'
import { anyConfig } from '../../simulator/testConfigs.ts'
import { answerQuestions } from './answerQuestions.ts'
import { MODELS } from '../tables/models.ts'
import { arrangements } from './arrangements.ts'
import { asked, askedCluster, askedConfig } from './testQuestions.ts'

const labels = (of: readonly { readonly label: string }[]): string[] => of.map(({ label }) => label)

describe('arrangements', () => {
  test('all layouts and algorithms that eight ranks allow', () => {
    const { possible, impossible } = arrangements(askedConfig(), null)
    expect(labels(possible)).toEqual([
      'contiguous ring', 'zigzag ring', 'striped ring', 'block-cyclic ring', 'Ulysses of all 8 ranks', 'DistFlashAttention',
      'Ulysses of 2 x zigzag ring', 'Ulysses of 4 x zigzag ring', 'double ring in windows of 2, zigzag', 'double ring in windows of 4, zigzag',
    ])
    expect(impossible).toEqual([])
  })

  test('what heads do not allow is said together, with the reason', () => {
    expect(arrangements(askedConfig({ world: 64, heads: 8, kvHeads: 8 }), 8).impossible).toEqual([
      { label: 'Ulysses of all 64 ranks', why: '8 heads cannot be split evenly among that many ranks' },
      { label: 'Ulysses of 16, 32 x zigzag ring', why: '8 heads cannot be split evenly among that many ranks' },
    ])
    expect(arrangements(askedConfig({ world: 4, heads: 12, kvHeads: 3 }), null).impossible.map(({ why }) => why)).toEqual([
      '3 K/V heads can neither be split evenly among that many ranks nor be shared evenly by them',
      '3 K/V heads can neither be split evenly among that many ranks nor be shared evenly by them',
    ])
  })

  test('under a full mask layouts do not differ', () => {
    const { possible, impossible } = arrangements(askedConfig({ mask: 'full' }), null)
    expect(possible.every(({ config }) => config.layout === 'contiguous')).toBe(true)
    expect(labels(impossible)).toEqual(['zigzag, striped, block-cyclic ring', 'DistFlashAttention'])
  })

  test('a thousand ranks: both plain rings and what the nodes suggest; the rest is left out and said so', () => {
    const { possible, impossible } = arrangements(askedConfig({ world: 1024, seqLen: 1 << 20, pass: 'forward-backward' }), 8)
    expect(labels(possible)).toEqual(expect.arrayContaining(['contiguous ring', 'zigzag ring', 'Ulysses of 8 x zigzag ring']))
    expect(impossible.find(({ label }) => label.startsWith('double ring'))?.why).toMatch(/left out/)
  })

  test('whatever the problem, every candidate is a valid config of the same problem', () => {
    fc.assert(fc.property(anyConfig, fc.constantFrom(null, 2, 4), (config, ranksPerNode) => {
      const { possible } = arrangements(config, ranksPerNode)
      expect(possible[0].config).toMatchObject({ algorithm: 'ring', layout: 'contiguous' })
      for (const { config: candidate } of possible) {
        expect(parseRunConfig(candidate, 'candidate')).toEqual(candidate)
        const { world, seqLen, heads, kvHeads, headDim, mask, pass, batch, ringSets, lookback, cuSeqlens, keyPadding } = config
        expect(candidate).toMatchObject({ world, seqLen, heads, kvHeads, headDim, mask, pass, batch, ringSets, lookback, cuSeqlens, keyPadding })
      }
    }))
  })
})

describe('answers', () => {
  test('candidates are simulated, fastest first, compared with the contiguous ring', () => {
    const { candidates, margin } = answerQuestions(asked({ pass: 'forward-backward' }), 'test')
    const times = candidates.map(({ makespanMs }) => makespanMs)
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(margin).toBeCloseTo((times[1] - times[0]) / times[0], 12)
    const contiguous = candidates.find(({ label }) => label === 'contiguous ring')
    expect(contiguous?.speedupOverContiguous).toBe(1)
    for (const { label, config, makespanMs, idleFraction, overlapRatio, speedupOverContiguous } of candidates) {
      expect(simulateFigures(config, askedCluster()), label).toMatchObject({ makespanMs, idleFraction, overlapRatio })
      expect(speedupOverContiguous).toBe((contiguous?.makespanMs ?? Number.NaN) / makespanMs)
    }
  })

  test('bytes that the busiest rank sends are those of the plan, at the cluster\'s element sizes', () => {
    const { candidates } = answerQuestions(asked({ pass: 'forward-backward' }), 'test')
    const ring = candidates.find(({ label }) => label === 'zigzag ring')
    // Seven hops of K/V each way in 16 bits, seven of gradients in 32.
    expect(ring?.bytesSentPerRank).toBe(2 * 1024 * 8 * 128 * (7 * 2 * 2 + 7 * 4))
  })

  test('with links that take no time the balanced ring gains 2 - 1/N, and layouts are as theory has them', () => {
    const { candidates, layouts } = answerQuestions(asked({ seqLen: 8 * 4096 }, { intra: null }), 'test')
    const zigzag = candidates.find(({ label }) => label === 'zigzag ring')
    expect(zigzag?.speedupOverContiguous).toBeCloseTo(2 - 1 / 8, 3)
    for (const { layout, idleFraction, speedupOverContiguous } of layouts) {
      const plan = planRun(askedConfig({ seqLen: 8 * 4096, layout }))
      expect(idleFraction).toBe(plan.idleFraction)
      expect(speedupOverContiguous).toBeCloseTo(planRun(askedConfig({ seqLen: 8 * 4096, layout: 'contiguous' })).makespanPairs / plan.makespanPairs, 12)
    }
  })

  test('slow links between nodes: what crosses them once, with a window of steps to do so, beats a ring that crosses at every step', () => {
    const slow = { inter: { bandwidthGBps: 1, latencyUs: 20 }, ranksPerNode: 4 }
    const { candidates } = answerQuestions(asked({ seqLen: 1 << 15 }, slow), 'test')
    const ms = (label: string): number => candidates.find((each) => each.label === label)?.makespanMs ?? Number.NaN
    expect(candidates[0].label).toBe('double ring in windows of 4, zigzag')
    expect(ms('Ulysses of 4 x zigzag ring')).toBeLessThan(ms('zigzag ring') / 2)
  })

  test('whatever is asked, every figure is a number', () => {
    fc.assert(fc.property(anyConfig, fc.constantFrom(null, { blockQ: 16, blockK: 16 }), (config, tile) => {
      const cluster = askedCluster()
      const answers = answerQuestions({ config, cluster: { ...cluster, device: { ...cluster.device, tile, rowNs: 1 } }, model: null }, 'test')
      const text = JSON.stringify(answers, (_, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? 'NOT A NUMBER' : value))
      expect(text).not.toContain('NOT A NUMBER')
    }), { numRuns: 40 })
  })

  test('a model that is trained needs the memory of both passes, whichever is timed', () => {
    const model = MODELS.find(({ id }) => id === 'llama3-8b')?.sizes ?? null
    for (const pass of ['forward', 'forward-backward'] as const) {
      const { candidates, memory } = answerQuestions({ ...asked({ pass }), model }, 'test')
      // Its heads are the config's.
      expect(candidates.find(({ label }) => label === 'contiguous ring')?.bytesPerDevice).toBe(memory.find(({ devices }) => devices === 8)?.totalBytes)
    }
  })

  test('whole tiles that take too long to count in dealt shards leave those out, with the reason', () => {
    const documents = { world: 64, seqLen: 1 << 20, cuSeqlens: [0, 1 << 19, 1 << 20] }
    const cluster = askedCluster()
    const tiled = { device: { ...cluster.device, tile: { blockQ: 128, blockK: 128 } } }
    const { candidates, impossible, assumptions } = answerQuestions(asked(documents, tiled), 'test')
    expect(impossible).toContainEqual({ label: 'striped ring', why: expect.stringMatching(/whole tiles of 128 x 128 take too long to count/) as string })
    expect(labels(candidates)).toEqual(expect.arrayContaining(['contiguous ring', 'zigzag ring', 'DistFlashAttention']))
    expect(assumptions).toContain('Kernels compute whole tiles of 128 x 128.')
  })

  test('where not even a contiguous ring\'s can be counted, pairs are exact and the assumptions say so', () => {
    const cluster = askedCluster()
    const tiled = { device: { ...cluster.device, tile: { blockQ: 1, blockK: 1 } } }
    const { candidates, assumptions } = answerQuestions(asked({ world: 64, seqLen: 1 << 20, lookback: 5000 }, tiled), 'test')
    expect(labels(candidates)).toContain('striped ring')
    expect(assumptions.join()).toMatch(/Pairs are counted exactly.*Whole tiles take too long to count/)
  })

  test('a config or a cluster with problems is refused with what is wrong', () => {
    expect(() => answerQuestions({ ...asked(), config: { world: 0 } }, 'the question')).toThrow(/the question: .*problems[\s\S]*world: expected an integer/)
    expect(() => answerQuestions(asked({}, { ranksPerNode: 4 }), 'the question')).toThrow(/cluster\.inter: expected both inter and ranksPerNode, or neither/)
  })
})
