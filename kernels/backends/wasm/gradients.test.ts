import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildKernels } from '../../../scripts/build-kernels.mjs'
import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { AttentionBackend, RankShape } from '../backend.ts'
import type { RankArena } from '../arena.ts'
import { anyShapeAndMasks } from '../testing/anyShapeAndMasks.ts'
import { createWasmBackend } from './backend.ts'
import { bruteForceGradients } from './bruteForce.ts'
import { fill, largestError, MASK_NAMES, MASKS, rangesOf, setupOf, shapeOf, silent, specOf } from './fixture.ts'
import { KERNEL_BUILDS, type KernelBuild } from './kernelModule.ts'

const TOLERANCE = 1e-5

let kernelsDir: string
beforeAll(async () => {
  kernelsDir = await buildKernels()
})

type BlockRanges = readonly KeyRanges[]

/** A forward and a backward pass over all blocks of an arena, each block's gradient fresh into the slot of its number. */
async function bothPasses(backend: AttentionBackend, { sides: [side], kv, dkv }: RankArena, ranges: readonly BlockRanges[]): Promise<void> {
  await backend.begin(side, silent)
  for (const [i, slot] of kv.entries()) await backend.attend({ side, slot, ranges: ranges[i], flops: 0 }, silent)
  await backend.finish(side, silent)
  await backend.beginBackward(side, silent)
  for (const [i, slot] of [...kv.entries()].reverse()) {
    await backend.attendBackward({ side, slot, ranges: ranges[i], flops: 0, gradient: dkv[i], fresh: true }, silent)
  }
  await backend.finishBackward(side, silent)
}

async function expectExact(shape: RankShape, ranges: readonly BlockRanges[], build: KernelBuild): Promise<RankArena> {
  const setup = setupOf(specOf(shape, ranges.length, true), kernelsDir)
  const { sides: [side], kv, dkv } = setup.arena
  fill(setup.arena)
  await bothPasses(await createWasmBackend(setup, [build]), setup.arena, ranges)
  const expected = bruteForceGradients(shape, side.q, side.dOut, kv.map((slot, i) => ({ ...slot, ranges: ranges[i] })))
  expect(largestError(side.dq, expected.dq)).toBeLessThanOrEqual(TOLERANCE)
  expected.blocks.forEach(({ dk, dv }, i) => {
    expect(largestError(dkv[i].dk, dk)).toBeLessThanOrEqual(TOLERANCE)
    expect(largestError(dkv[i].dv, dv)).toBeLessThanOrEqual(TOLERANCE)
  })
  return setup.arena
}

describe.each(KERNEL_BUILDS)('gradients of the fused kernel, %s build', (build) => {
  it.each(MASK_NAMES)('agree with float64: %s', async (mask) => {
    await expectExact(shapeOf({ headDim: 40, tokens: 61 }), [[MASKS[mask](61)]], build)
  })

  it.each([1, 2, 3, 4, 7, 8, 9, 12, 40, 64, 80, 128, 131])('take headDim %i', async (headDim) => {
    await expectExact(shapeOf({ headDim }), [[MASKS['causal with the diagonal'](37)]], build)
  })

  it.each([[1, 1], [3, 5], [7, 64], [8, 8], [16, 6], [64, 7], [1000, 1000], [13, 29]])('take tiles of %i x %i', async (blockQ, blockK) => {
    const tokens = 61
    const shape = shapeOf({ blockQ, blockK, tokens, headDim: 12 })
    await expectExact(shape, [[MASKS['every key'](tokens)], [MASKS['ragged, from above 0, every third row empty'](tokens)]], build)
  })

  it.each([1, 2, 5, 8, 9, 130])('take %i tokens', async (tokens) => {
    await expectExact(shapeOf({ tokens }), [[MASKS['every key'](tokens)]], build)
  })

  it.each([[6, 2], [4, 1], [8, 8]])('are summed over the %i query heads of %i key/value heads', async (heads, kvHeads) => {
    await expectExact(shapeOf({ batch: 2, heads, kvHeads, tokens: 19 }), [[MASKS['causal with the diagonal'](19)]], build)
  })

  it('take a mask of its own for every batch item', async () => {
    const ranges = [MASKS['first half of the keys'](29), MASKS['a lookback of 4'](29), MASKS['no key'](29)]
    await expectExact(shapeOf({ batch: 3, heads: 2, tokens: 29 }), [ranges, [MASKS['documents of 7, causal'](29)]], build)
  })

  it('are exactly 0 where nothing attends', async () => {
    const { sides: [{ dq }], dkv: [{ dk, dv }] } = await expectExact(shapeOf({}), [[MASKS['no key'](37)]], build)
    for (const gradient of [dq, dk, dv]) expect(gradient.every((value) => value === 0)).toBe(true)
  })

  it('are exactly 0 in rows and keys of padding, whatever lies there', async () => {
    const tokens = 37
    const setup = setupOf(specOf(shapeOf({ tokens }), 1, true), kernelsDir)
    const { sides: [side], kv: [slot], dkv: [gradient] } = setup.arena
    fill(setup.arena)
    const real = Math.ceil(tokens * 0.8) * setup.shape.headDim
    const backend = await createWasmBackend(setup, [build])
    const gradientsWith = async (rest: number): Promise<number[]> => {
      for (const tensor of [side.q, side.dOut, slot.k, slot.v]) tensor.fill(rest, real)
      await bothPasses(backend, setup.arena, [[MASKS['padding: the last fifth of rows and keys is not there'](tokens)]])
      for (const tensor of [side.dq, gradient.dk, gradient.dv]) expect(tensor.subarray(real).every((value) => value === 0)).toBe(true)
      return [...side.dq, ...gradient.dk, ...gradient.dv]
    }
    const clean = await gradientsWith(0)
    expect(clean.every(Number.isFinite)).toBe(true)
    expect(await gradientsWith(3e38)).toEqual(clean)
  })

  it('pay no heed to keys that no row sees, between keys that some see', async () => {
    const setup = setupOf(specOf(shapeOf({ tokens: 16 }), 1, true), kernelsDir)
    const { sides: [side], kv: [slot], dkv: [gradient] } = setup.arena
    fill(setup.arena)
    const ranges = [rangesOf(16, (row) => row % 2 === 0 ? [0, 5] : [9, 16])]
    const expected = bruteForceGradients(setup.shape, side.q, side.dOut, [{ ...slot, ranges }])
    for (const tensor of [slot.k, slot.v]) tensor.fill(3e38, 5 * setup.shape.headDim, 9 * setup.shape.headDim)
    await bothPasses(await createWasmBackend(setup, [build]), setup.arena, [ranges])
    expect(largestError(side.dq, expected.dq)).toBeLessThanOrEqual(TOLERANCE)
    expect(largestError(gradient.dk, expected.blocks[0].dk)).toBeLessThanOrEqual(TOLERANCE)
    expect(largestError(gradient.dv, expected.blocks[0].dv)).toBeLessThanOrEqual(TOLERANCE)
  })

  it('of a row whose log-sum-exp is -Infinity are 0 even where its range is not empty', async () => {
    const setup = setupOf(specOf(shapeOf({}), 1, true), kernelsDir)
    const { sides: [side], kv: [slot], dkv: [gradient] } = setup.arena
    fill(setup.arena)
    side.lse.fill(-Infinity)
    side.out.fill(0)
    const backend = await createWasmBackend(setup, [build])
    await backend.beginBackward(side, silent)
    await backend.attendBackward({ side, slot, ranges: [MASKS['every key'](37)], flops: 0, gradient, fresh: true }, silent)
    for (const tensor of [side.delta, side.dq, gradient.dk, gradient.dv]) expect(tensor.every((value) => value === 0)).toBe(true)
  })

  it('are added to what is there, unless they are to be fresh', async () => {
    const setup = setupOf(specOf(shapeOf({ heads: 2, kvHeads: 1 }), 1, true), kernelsDir)
    const { sides: [side], kv: [slot], dkv: [gradient] } = setup.arena
    fill(setup.arena)
    const ranges = [MASKS['causal with the diagonal'](37)]
    const backend = await createWasmBackend(setup, [build])
    await bothPasses(backend, setup.arena, [ranges])
    const once = { dq: side.dq.slice(), dk: gradient.dk.slice(), dv: gradient.dv.slice() }
    const work = { side, slot, ranges, flops: 0, gradient }
    await backend.attendBackward({ ...work, fresh: false }, silent)
    side.dq.forEach((value, i) => expect(Math.abs(value - 2 * once.dq[i])).toBeLessThanOrEqual(TOLERANCE))
    gradient.dk.forEach((value, i) => expect(Math.abs(value - 2 * once.dk[i])).toBeLessThanOrEqual(TOLERANCE))
    gradient.dv.forEach((value, i) => expect(Math.abs(value - 2 * once.dv[i])).toBeLessThanOrEqual(TOLERANCE))
    await backend.attendBackward({ ...work, fresh: true }, silent)
    expect(gradient.dk).toEqual(once.dk)
    expect(gradient.dv).toEqual(once.dv)
  })

  it('of a helped side use the delta that came with its queries', async () => {
    const shape = shapeOf({})
    const setup = setupOf(specOf(shape, 1, true, 2), kernelsDir)
    const { sides: [side, helped], kv: [slot], dkv: [gradient] } = setup.arena
    fill(setup.arena)
    const ranges = [MASKS['every key'](37)]
    const backend = await createWasmBackend(setup, [build])
    await bothPasses(backend, setup.arena, [ranges])
    const expected = [...gradient.dk, ...gradient.dv, ...side.dq]
    for (const tensor of ['q', 'dOut', 'lse', 'delta'] as const) helped[tensor].set(side[tensor])
    helped.out.fill(NaN)
    await backend.beginBackward(helped, silent)
    await backend.attendBackward({ side: helped, slot, ranges, flops: 0, gradient, fresh: true }, silent)
    await backend.finishBackward(helped, silent)
    expect([...gradient.dk, ...gradient.dv, ...helped.dq]).toEqual(expected)
  })

  it('stay right with scores far apart', async () => {
    const shape = shapeOf({ tokens: 50, headDim: 16 })
    const setup = setupOf(specOf(shape, 1, true), kernelsDir)
    const { sides: [side], kv: [slot], dkv: [gradient] } = setup.arena
    fill(setup.arena, 100)
    const ranges = [MASKS['causal with the diagonal'](50)]
    await bothPasses(await createWasmBackend(setup, [build]), setup.arena, [ranges])
    const expected = bruteForceGradients(shape, side.q, side.dOut, [{ ...slot, ranges }])
    // Weights inherit the error of float32 scores of size 100, and dK is as much larger as Q.
    expect(largestError(side.dq, expected.dq)).toBeLessThanOrEqual(1e-4)
    expect(largestError(gradient.dv, expected.blocks[0].dv)).toBeLessThanOrEqual(1e-4)
    expect(largestError(gradient.dk, expected.blocks[0].dk)).toBeLessThanOrEqual(1e-2)
  })

  it('agree with float64 on arbitrary shapes and key ranges', async () => {
    await fc.assert(fc.asyncProperty(anyShapeAndMasks, async ({ shape, masks }) => {
      await expectExact(shape, masks.map((rows) => [rangesOf(shape.tokens, (row) => rows[row])]), build)
    }), { numRuns: 60 })
  })

  it('leave the inputs, the output and everything below the scratch alone', async () => {
    const setup = setupOf(specOf(shapeOf({ blockQ: 5, blockK: 9 }), 1, true), kernelsDir)
    const { sides: [side], kv: [slot], memory } = setup.arena
    fill(setup.arena)
    const backend = await createWasmBackend(setup, [build])
    const ranges = [MASKS['every key'](37)]
    await bothPasses(backend, setup.arena, [ranges])
    const untouched = [side.q, side.out, side.lse, side.dOut, side.delta, slot.k, slot.v]
    const before = untouched.map((tensor) => [...tensor])
    await backend.attendBackward({ side, slot, ranges, flops: 0, gradient: setup.arena.dkv[0], fresh: true }, silent)
    expect(untouched.map((tensor) => [...tensor])).toEqual(before)
    expect(new Uint8Array(memory.buffer, 0, 1024).every((byte) => byte === 0)).toBe(true)
  })
})
