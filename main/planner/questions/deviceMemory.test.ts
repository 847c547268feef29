import { describe, expect, test } from 'vitest'
import type { ModelSizes } from '../../../preload/contract/planner.ts'
import { MODELS } from '../tables/models.ts'
import { activationBytes, memoryAnswers, weightBytes, weightsOf } from './deviceMemory.ts'
import { askedCluster, askedConfig } from './testQuestions.ts'

const modelOf = (id: string): ModelSizes => {
  const found = MODELS.find((each) => each.id === id)
  if (found === undefined) throw new Error(id)
  return found.sizes
}

describe('memory per device', () => {
  test.each([
    ['llama3-8b', 8.03e9], ['llama3-70b', 70.6e9], ['llama3-405b', 405.9e9], ['llama2-7b', 6.74e9], ['llama2-13b', 13.0e9],
    ['qwen3-30b-a3b', 30.5e9], ['gpt3-175b', 175.2e9],
  ])('weights of %s: %d within 1 %%', (id, weights) => {
    expect(Math.abs(weightsOf(modelOf(id)) / weights - 1)).toBeLessThan(0.01)
  })

  test('weights are sharded over as many devices as there are, up to what the model says', () => {
    const model = { ...modelOf('llama3-8b'), weightShards: 8 }
    expect(weightBytes(model, 1)).toBe(weightsOf(model) * 18)
    expect(weightBytes(model, 4)).toBe(weightBytes(model, 1) / 4)
    expect(weightBytes(model, 64)).toBe(weightBytes(model, 1) / 8)
  })

  test('full recompute keeps one input a layer, none keeps all, inference keeps none', () => {
    const model = modelOf('llama3-8b')
    const perToken = (changes: Partial<ModelSizes>): number => activationBytes({ ...model, ...changes }, 1, 1)
    const live = (3 * 4096 + 3 * 14_336) * 2
    expect(perToken({})).toBe(32 * 4096 * 2 + 2 * live)
    expect(perToken({ trainingBytesPerWeight: 0 })).toBe(live)
    expect(perToken({ recompute: 'none' })).toBeGreaterThan(5 * perToken({}))
  })

  test('attention of a ring holds b c d [2 Hq + 4 Hkv] e, a float32 accumulator, 8 bytes a row and a tile', () => {
    const [answer] = memoryAnswers(askedConfig({ blockQ: 64, blockK: 64 }), askedCluster(), null).filter(({ devices }) => devices === 8)
    const c = 1024
    expect(answer).toEqual({
      devices: 8, shardTokens: c, weightBytes: null, activationBytes: null, longestContextTokens: null, totalBytes: answer.attentionBytes,
      attentionBytes: c * 128 * (2 * 32 + 4 * 8) * 2 + 4 * c * 128 * 32 + 8 * c * 32 + 4 * (64 * 64 + 4 * 64 * 128 + 2 * 64),
    })
  })

  test('the longest context fits, and a token more on each device does not', () => {
    const model = modelOf('llama3-8b')
    const cluster = askedCluster()
    for (const { devices, longestContextTokens } of memoryAnswers(askedConfig(), cluster, model)) {
      if (longestContextTokens === 0) continue
      const total = (seqLen: number): number =>
        memoryAnswers({ ...askedConfig(), seqLen }, cluster, model).find((each) => each.devices === devices)?.totalBytes ?? Number.NaN
      expect(total(longestContextTokens ?? 0)).toBeLessThanOrEqual(80e9)
      expect(total((longestContextTokens ?? 0) + devices)).toBeGreaterThan(80e9)
    }
  })

  test('contexts grow with the ring once weights are sharded; without room for weights there is none', () => {
    const longest = new Map(memoryAnswers(askedConfig(), askedCluster(), modelOf('llama3-8b')).map((each) => [each.devices, each.longestContextTokens]))
    expect(longest.get(1)).toBe(0)
    expect(longest.get(1024)).toBe(128 * (longest.get(8) ?? Number.NaN))
  })

  test('without a memory size there is no longest context; the asked world is in the series', () => {
    const cluster = askedCluster()
    const answers = memoryAnswers(askedConfig({ world: 6 }), { ...cluster, device: { ...cluster.device, memoryBytes: null } }, modelOf('llama3-8b'))
    expect(answers.map(({ devices }) => devices)).toEqual([1, 2, 4, 6, 8, 16, 32, 64, 128, 256, 512, 1024])
    expect(answers.every(({ longestContextTokens }) => longestContextTokens === null)).toBe(true)
  })
})
