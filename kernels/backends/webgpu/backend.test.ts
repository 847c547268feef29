import { afterAll, describe, expect, it } from 'vitest'
import { parseRunConfig } from '../../config/runConfig.ts'
import { createArena } from '../arena.ts'
import type { RankShape } from '../backend.ts'
import { bothPasses, expectExact, itKeepsTheContract, largestError, type Problem } from '../testing/contract.ts'
import type { Tolerance } from '../tolerance.ts'
import { fill, MASK_NAMES, MASKS, silent, specOf } from '../wasm/fixture.ts'
import { createWebgpuBackend } from './backend.ts'
import { hasAdapter, sayWhySkipped } from './testAdapter.ts'

const TOLERANCE: Tolerance = { output: 1e-5, gradient: 1e-5 }
const FULL = MASKS['every key']
const CAUSAL = MASKS['causal with the diagonal']

/** Kept for tests of the same shape: compiling the kernels takes a software adapter most of a test's time. */
const problems = new Map<string, Problem>()
afterAll(async () => {
  for (const { backend } of problems.values()) await backend.dispose()
})

/** Two K/V slots, two gradient slots, two query sides; inputs in [-1, 1), everything else NaN. */
async function problemOf(sizes: Partial<RankShape> = {}): Promise<Problem> {
  const shape: RankShape = { batch: 1, heads: 2, kvHeads: 1, headDim: 16, tokens: 70, blockQ: 16, blockK: 16, ...sizes }
  const { batch, heads, kvHeads, headDim, tokens } = shape
  const key = JSON.stringify(shape)
  let problem = problems.get(key)
  if (problem === undefined) {
    const arena = createArena(specOf(shape, 2, true, 2), 0)
    const config = parseRunConfig({ world: 1, seqLen: tokens, heads, kvHeads, headDim, batch }, 'the test')
    problem = { shape, arena, backend: await createWebgpuBackend({ shape, arena, config, kernelsDir: '' }) }
    problems.set(key, problem)
  }
  new Float32Array(problem.arena.memory.buffer).fill(Number.NaN)
  fill(problem.arena)
  return problem
}

sayWhySkipped()

describe.runIf(hasAdapter)('the fused WGSL kernels agree with float64, forward and backward', () => {
  it.each(MASK_NAMES)('over two blocks: %s, then every key', async (name) => {
    const problem = await problemOf()
    const masks = [[MASKS[name](70)], [FULL(70)]]
    await bothPasses(problem, masks)
    expectExact(problem, masks, TOLERANCE)
  })

  it.each([
    ['one head a key/value head', { heads: 2, kvHeads: 2 }],
    ['four heads over two key/value heads, two batch items', { batch: 2, heads: 4, kvHeads: 2, tokens: 20 }],
    ['tiles of 32 rows', { blockQ: 32, blockK: 32 }],
    ['tiles of 64 rows', { blockQ: 128, blockK: 256 }],
    ['tiles that divide', { tokens: 64, blockQ: 64, blockK: 32 }],
    ['several tiles of columns', { tokens: 150, heads: 1 }],
    ['an odd head dimension', { headDim: 7, blockQ: 64, blockK: 64 }],
    ['headDim 1', { headDim: 1 }],
    ['headDim 128', { headDim: 128, heads: 1, blockQ: 64, blockK: 64 }],
    ['the largest head dimension', { headDim: 512, heads: 1, tokens: 33, blockQ: 64, blockK: 64 }],
    ['a single token', { tokens: 1 }],
  ] as const)('causal, %s', async (_, sizes) => {
    const problem = await problemOf(sizes)
    const masks = [[CAUSAL(problem.shape.tokens)]]
    await bothPasses(problem, masks)
    expectExact(problem, masks, TOLERANCE)
  })

  it('with a mask of its own for every batch item', async () => {
    const problem = await problemOf({ batch: 3, tokens: 30 })
    const masks = [[CAUSAL(30), MASKS['first half of the keys'](30), MASKS['no key'](30)], [MASKS['documents of 7, causal'](30)]]
    await bothPasses(problem, masks)
    expectExact(problem, masks, TOLERANCE)
  })

  it('pass after pass, with nothing left of the one before', async () => {
    const problem = await problemOf({ tokens: 30 })
    await bothPasses(problem, [[FULL(30)]])
    await bothPasses(problem, [[CAUSAL(30)]])
    expectExact(problem, [[CAUSAL(30)]], TOLERANCE)
  })
})

describe.runIf(hasAdapter)('the webgpu backend', () => {
  itKeepsTheContract(async (sizes, test) => test(await problemOf(sizes)), TOLERANCE)

  it('survives gaps beyond the range of exponents in either order', async () => {
    const { arena: { sides: [side], kv }, backend } = await problemOf()
    side.q.fill(1)
    for (const [index, value] of [-1e4, 1e4].entries()) {
      kv[index].k.fill(value)
      kv[index].v.fill(value > 0 ? -3 : 5)
    }
    for (const order of [kv, [...kv].reverse()]) {
      await backend.begin(side, silent)
      for (const slot of order) await backend.attend({ side, slot, ranges: [FULL(70)], flops: 1 }, silent)
      await backend.finish(side, silent)
      expect(largestError(side.out, new Float64Array(side.out.length).fill(-3))).toBeLessThan(TOLERANCE.output)
    }
  })

  it('names its adapter, and says when that is software', async () => {
    const { backend } = await problemOf()
    expect(backend).toMatchObject({ id: 'webgpu', computes: true, device: expect.stringMatching(/^WebGPU, \w/) as string })
  })

  it('refuses a pass that did not begin, and ranges of other rows', async () => {
    const { arena: { sides: [side], kv: [slot], dkv: [gradient] }, backend } = await problemOf({ tokens: 30 })
    const work = { side, slot, ranges: [FULL(30)], flops: 1 }
    await backend.begin(side, silent)
    await expect(backend.attendBackward({ ...work, gradient, fresh: true }, silent)).rejects.toThrow(/no backward pass/)
    await expect(backend.attend({ ...work, ranges: [FULL(29)] }, silent)).rejects.toThrow(/29 and 29 rows, expected 30/)
    await expect(backend.attend({ ...work, ranges: [FULL(30), FULL(30)] }, silent)).rejects.toThrow(/2 batch items, expected 1/)
  })
})
