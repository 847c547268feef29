import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../../config/runConfig.ts'
import { createArena } from '../arena.ts'
import type { AttentionBackend } from '../backend.ts'
import { TfjsBackend } from '../tfjs/backend.ts'
import { bothPasses, largestError } from '../testing/contract.ts'
import { fill, MASKS, specOf } from '../wasm/fixture.ts'
import { createWebgpuBackend } from './backend.ts'
import { hasAdapter, sayWhySkipped } from './testAdapter.ts'
import { loadTfjsWebgpu } from './tfjsRuntime.ts'

sayWhySkipped()

describe.runIf(hasAdapter)('on one adapter, the fused WGSL kernels and the generic tfjs kernel', () => {
  it('agree, forward and backward', async () => {
    const shape = { batch: 1, heads: 2, kvHeads: 1, headDim: 16, tokens: 40, blockQ: 32, blockK: 32 }
    const arena = createArena(specOf(shape, 1, true), 0)
    fill(arena)
    const { sides: [side], dkv: [gradient] } = arena
    const config = parseRunConfig({ world: 1, seqLen: 40, heads: 2, kvHeads: 1, headDim: 16 }, 'the test')
    const results = async (backend: AttentionBackend): Promise<Float64Array[]> => {
      await bothPasses({ shape, arena, backend }, [[MASKS['causal with the diagonal'](40)]])
      await backend.dispose()
      return [side.out, side.lse, side.dq, gradient.dk, gradient.dv].map((tensor) => Float64Array.from(tensor))
    }
    const setup = { shape, arena, config, kernelsDir: '' }
    const runtime = await loadTfjsWebgpu()
    expect(runtime.device).toMatch(/^tfjs on WebGPU, /)
    const generic = await results(new TfjsBackend(runtime, setup))
    const fused = await results(await createWebgpuBackend(setup))
    fused.forEach((tensor, at) => {
      expect(largestError(tensor, generic[at])).toBeLessThan(1e-5)
    })
  })
})
