import { describe, expect, it } from 'vitest'
import { workingSetBytes } from './workingSet.ts'

const shape = { batch: 2, heads: 4, kvHeads: 2, headDim: 64, tokens: 4096, blockQ: 128, blockK: 256 }

describe('workingSetBytes', () => {
  it('of the fused kernel holds tiles, accumulator and one strip of scores, whatever the number of heads', () => {
    const floats = 128 * 64 + 128 * 64 + 2 * 256 * 64 + 8 * 72 + 2 * 128
    expect(workingSetBytes('wasm', shape)).toBe(4 * floats)
    expect(workingSetBytes('wasm', { ...shape, heads: 32, kvHeads: 32, batch: 9 })).toBe(4 * floats)
  })

  it('of tfjs-wasm holds the scores of the query heads of one key/value head', () => {
    const floats = 2 * (2 * 128 * 64 + 2 * 128 * 256 + 2 * 128) + 2 * 256 * 64
    expect(workingSetBytes('tfjs-wasm', shape)).toBe(4 * floats)
  })

  it('of the fused kernel backward holds P and dS of the whole tile', () => {
    const floats = 5 * 128 * 64 + 4 * 256 * 64 + 2 * 128 * 256 + 2 * 128
    expect(workingSetBytes('wasm', shape, true)).toBe(4 * floats)
  })

  it('of the WGSL kernels does not depend on more than the rows that a workgroup may have', () => {
    const floats = 2 * 64 * 64 + 2 * 64 * 64 + 64 * 64 + 2 * 64
    expect(workingSetBytes('webgpu', shape)).toBe(4 * floats)
    expect(workingSetBytes('webgpu', { ...shape, blockQ: 1024, blockK: 32 })).toBe(4 * floats)
    expect(workingSetBytes('webgpu', { ...shape, blockQ: 40 })).toBeLessThan(4 * floats)
  })

  it('of backends that batch holds all slices', () => {
    expect(workingSetBytes('tfjs-cpu', shape)).toBe(4 * workingSetBytes('tfjs-wasm', shape))
    expect(workingSetBytes('tensorflow', shape)).toBe(workingSetBytes('tfjs-cpu', shape))
  })

  it('does not grow past the shard', () => {
    const whole = { ...shape, tokens: 100, blockQ: 100, blockK: 100 }
    expect(workingSetBytes('wasm', { ...whole, blockQ: 512, blockK: 512 })).toBe(workingSetBytes('wasm', whole))
  })
})
