import { describe, expect, it } from 'vitest'
import { computeSpec } from './arena.ts'
import { BackendUnavailableError } from './backend.ts'
import { resolveBackend, scratchBytes } from './create.ts'
import { findTensorflow, loadTensorflow, TENSORFLOW_REMEDY } from './tfjs/runtimes.ts'

const spec = computeSpec({ batch: 1, heads: 2, kvHeads: 2, headDim: 64, tokens: 128, blockQ: 64, blockK: 64 })

describe('resolveBackend', () => {
  it.each(['wasm', 'webgpu', 'tfjs-wasm', 'tfjs-cpu', 'modelled'] as const)('takes %s as asked', async (id) => {
    expect(await resolveBackend(id)).toEqual({ id, warnings: [] })
  })

  it('turns auto into a backend that can run here', async () => {
    const { id } = await resolveBackend('auto')
    expect(['wasm', 'webgpu', ...(findTensorflow().present ? ['tensorflow'] : [])]).toContain(id)
  })

  it.each([
    ['a hardware adapter', 'webgpu', { available: true, device: 'WebGPU, nvidia-h200', hardware: true }],
    ['a software adapter, slower than wasm', 'wasm', { available: true, device: 'WebGPU, llvmpipe (software)', hardware: false }],
    ['no adapter', 'wasm', { available: false, reason: 'Dawn finds no adapter' }],
  ] as const)('without a GPU in TensorFlow, auto with %s is %s', async (_, id, adapter) => {
    const resolved = await resolveBackend('auto', {
      tensorflow: () => Promise.resolve({ loads: true, usesGpu: false }), webgpu: () => Promise.resolve(adapter),
    })
    expect(resolved.id).toBe(id)
  })
})

describe.skipIf(findTensorflow().present)('tensorflow, where its addon is not installed', () => {
  it('is refused with the reason and the remedy, when resolved and when loaded', async () => {
    for (const attempt of [() => resolveBackend('tensorflow'), () => loadTensorflow()]) {
      const error: unknown = await attempt().catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(BackendUnavailableError)
      expect((error as BackendUnavailableError).backend).toBe('tensorflow')
      expect((error as BackendUnavailableError).message).toMatch(/missing|not installed/)
      expect((error as BackendUnavailableError).message).toContain(TENSORFLOW_REMEDY)
    }
  })
})

describe('scratchBytes', () => {
  it('is for the fused kernel alone', () => {
    expect(scratchBytes('wasm', spec)).toBeGreaterThan(0)
    for (const id of ['tfjs-wasm', 'tfjs-cpu', 'tensorflow', 'webgpu', 'modelled'] as const) expect(scratchBytes(id, spec)).toBe(0)
  })
})
