import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseRunConfig } from '../../config/runConfig.ts'
import { createArena } from '../arena.ts'
import type { RankShape } from '../backend.ts'
import { bothPasses, expectExact, itKeepsTheContract, type Problem, recordingSink } from '../testing/contract.ts'
import type { Tolerance } from '../tolerance.ts'
import { fill, MASK_NAMES, MASKS, rangesOf, silent, specOf } from '../wasm/fixture.ts'
import { TfjsBackend } from './backend.ts'
import type { TfRuntime } from './tfcore.ts'

const FULL = MASKS['every key']
const CAUSAL = MASKS['causal with the diagonal']
/** Gradients with a float32's error of sums over a few dozen rows. */
const TOLERANCE: Tolerance = { output: 1e-5, gradient: 1e-4 }

/** Two K/V slots, two gradient slots, two query sides, all filled with numbers in [-1, 1). */
function problemOn(runtime: TfRuntime, sizes: Partial<RankShape> & { masksDiffer?: boolean } = {}): Problem {
  const { masksDiffer = false, ...given } = sizes
  const shape: RankShape = { batch: 2, heads: 4, kvHeads: 2, headDim: 16, tokens: 61, blockQ: 16, blockK: 24, ...given }
  const { batch, heads, kvHeads, headDim, tokens } = shape
  const arena = createArena(specOf(shape, 2, true, 2), 0)
  fill(arena)
  const config = parseRunConfig({
    world: 1, seqLen: tokens, heads, kvHeads, headDim, batch, keyPadding: masksDiffer ? Array.from({ length: batch }, () => tokens) : null,
  }, 'the test')
  return { shape, arena, backend: new TfjsBackend(runtime, { shape, arena, config, kernelsDir: '' }) }
}

/** What the generic kernel must do on every tfjs runtime, output within 1e-5 and gradients within 1e-4 of float64. */
export function describeTfjsBackend(title: string, load: () => Promise<TfRuntime>): void {
  describe(title, () => {
    let runtime: TfRuntime
    let idle: number
    beforeAll(async () => {
      runtime = await load()
      idle = runtime.tf.memory().numTensors
    })
    afterEach(() => { expect(runtime.tf.memory().numTensors, 'leaked tensors').toBe(idle) })

    it.each(MASK_NAMES)('agrees with float64, forward and backward, over two blocks: %s', async (name) => {
      const problem = problemOn(runtime)
      const masks = [[MASKS[name](61)], [FULL(61)]]
      await bothPasses(problem, masks)
      await problem.backend.dispose()
      expectExact(problem, masks, TOLERANCE)
    })

    it.each([
      ['one head a key/value head', { kvHeads: 4 }],
      ['one key/value head for all', { kvHeads: 1 }],
      ['one head alone', { heads: 1, kvHeads: 1, batch: 1 }],
      ['tiles that divide', { tokens: 64, blockQ: 16, blockK: 16 }],
      ['one tile', { blockQ: 61, blockK: 61 }],
      ['tiles larger than the shard', { blockQ: 512, blockK: 512 }],
      ['wide and flat tiles', { blockQ: 3, blockK: 64 }],
      ['an odd head dimension', { headDim: 7 }],
      ['a single token', { tokens: 1 }],
    ] as const)('agrees with float64, forward and backward: %s', async (_, sizes) => {
      const problem = problemOn(runtime, sizes)
      const masks = [[CAUSAL(problem.shape.tokens)]]
      await bothPasses(problem, masks)
      await problem.backend.dispose()
      expectExact(problem, masks, TOLERANCE)
    })

    it('gives each batch item its own mask', async () => {
      const problem = problemOn(runtime, { batch: 3, masksDiffer: true })
      const masks = [[CAUSAL(61), rangesOf(61, (row) => [0, Math.min(20, row + 1)]), rangesOf(61, () => [0, 0])]]
      await bothPasses(problem, masks)
      await problem.backend.dispose()
      expectExact(problem, masks, TOLERANCE)
    })

    it('refuses masks of its own for each item where the config has no key padding', async () => {
      const { arena: { sides: [side], kv: [slot] }, backend } = problemOn(runtime)
      await backend.begin(side, silent)
      await expect(backend.attend({ side, slot, ranges: [CAUSAL(61), FULL(61)], flops: 1 }, silent)).rejects.toThrow(/2 masks for 2 batch items/)
      await backend.dispose()
    })

    itKeepsTheContract(async (sizes, test) => {
      const problem = problemOn(runtime, sizes)
      await test(problem)
      await problem.backend.dispose()
    }, TOLERANCE)

    it('tells the CPU time of the thread that computes where that is its own', async () => {
      const problem = problemOn(runtime)
      const { sink, spans } = recordingSink()
      await bothPasses(problem, [[FULL(61)]], sink)
      await problem.backend.dispose()
      for (const { cpuNs } of spans.filter(({ category }) => category === 'compute')) {
        if (runtime.asynchronous) expect(cpuNs).toBeUndefined()
        else expect(cpuNs).toBeGreaterThanOrEqual(0)
      }
    })
  })
}
