import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildKernels } from '../../../scripts/build-kernels.mjs'
import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { SpanFacts } from '../../timeline/recorder.ts'
import { computeSpec, createArena } from '../arena.ts'
import { BackendUnavailableError, type RankShape, type SpanSink } from '../backend.ts'
import { anyShapeAndMasks } from '../testing/anyShapeAndMasks.ts'
import { createWasmBackend, KernelBufferError, wasmScratchBytes } from './backend.ts'
import { bruteForce } from './bruteForce.ts'
import { fill, largestError, MASK_NAMES, MASKS, rangesOf, setupOf, shapeOf, silent, specOf } from './fixture.ts'
import { KERNEL_BUILDS, type KernelBuild } from './kernelModule.ts'

const TOLERANCE = 2e-6

let kernelsDir: string
beforeAll(async () => {
  kernelsDir = await buildKernels()
})

/** One entry for all batch items, or one for each. */
type BlockMask = KeyRanges | readonly KeyRanges[]
const itemsOf = (mask: BlockMask): readonly KeyRanges[] => 'from' in mask ? [mask] : mask

const lseError = (lse: Float32Array, expected: Float64Array): number => {
  let largest = 0
  expected.forEach((value, row) => {
    if (value === -Infinity) expect(lse[row]).toBe(-Infinity)
    else largest = Math.max(largest, largestError(lse.subarray(row, row + 1), expected.subarray(row, row + 1)) / Math.max(1, Math.abs(value)))
  })
  return largest
}

/** Runs one pass over the given masks, one K/V slot each, and returns the largest error against float64. */
async function errorsOf(shape: RankShape, masks: readonly BlockMask[], build: KernelBuild, order = masks.map((_, i) => i), scale = 1) {
  const setup = setupOf(specOf(shape, masks.length), kernelsDir)
  const { sides: [side], kv } = setup.arena
  fill(setup.arena, scale)
  const backend = await createWasmBackend(setup, [build])
  await backend.begin(side, silent)
  for (const i of order) await backend.attend({ side, slot: kv[i], ranges: itemsOf(masks[i]), flops: 0 }, silent)
  await backend.finish(side, silent)
  const expected = bruteForce(shape, side.q, masks.map((mask, i) => ({ ...kv[i], ranges: itemsOf(mask) })))
  return {
    outError: largestError(side.out, expected.out), lseError: lseError(side.lse, expected.lse), out: side.out, lse: side.lse, expected,
  }
}

async function expectExact(shape: RankShape, masks: readonly BlockMask[], build: KernelBuild): Promise<void> {
  const { outError, lseError: ofLse, out, expected } = await errorsOf(shape, masks, build)
  expect(outError).toBeLessThanOrEqual(TOLERANCE)
  expect(ofLse).toBeLessThanOrEqual(TOLERANCE)
  expected.out.forEach((value, i) => {
    if (value === 0 && expected.lse[Math.floor(i / shape.headDim)] === -Infinity) expect(out[i]).toBe(0)
  })
}

describe.each(KERNEL_BUILDS)('fused kernel, %s build', (build) => {
  it.each(MASK_NAMES)('agrees with float64 attention: %s', async (mask) => {
    await expectExact(shapeOf({ headDim: 40, tokens: 61 }), [MASKS[mask](61)], build)
  })

  it.each([1, 2, 3, 7, 8, 40, 64, 80, 128, 131])('takes headDim %i', async (headDim) => {
    await expectExact(shapeOf({ headDim }), [MASKS['causal with the diagonal'](37)], build)
  })

  it.each([[1, 1], [3, 5], [7, 64], [8, 8], [16, 6], [64, 7], [1000, 1000], [13, 29]])(
    'takes tiles of %i x %i', async (blockQ, blockK) => {
      const tokens = 61
      const shape = shapeOf({ blockQ, blockK, tokens, headDim: 12 })
      await expectExact(shape, [MASKS['every key'](tokens), MASKS['ragged, from above 0, every third row empty'](tokens)], build)
    })

  it.each([1, 2, 5, 8, 9, 130])('takes %i tokens', async (tokens) => {
    await expectExact(shapeOf({ tokens }), [MASKS['every key'](tokens)], build)
  })

  it('shares a K/V head between a group of query heads, batch by batch', async () => {
    await expectExact(shapeOf({ batch: 2, heads: 6, kvHeads: 2, tokens: 19 }), [MASKS['causal with the diagonal'](19)], build)
  })

  it('gives the same result whatever the order of the blocks', async () => {
    const shape = shapeOf({ batch: 2, heads: 2, tokens: 45 })
    const masks = Object.values(MASKS).map((mask) => mask(45))
    const forward = await errorsOf(shape, masks, build)
    const backward = await errorsOf(shape, masks, build, masks.map((_, i) => masks.length - 1 - i))
    expect(forward.outError).toBeLessThanOrEqual(TOLERANCE)
    expect(backward.outError).toBeLessThanOrEqual(TOLERANCE)
    forward.out.forEach((value, i) => expect(Math.abs(value - backward.out[i])).toBeLessThanOrEqual(TOLERANCE))
  })

  it('stays exact over more keys than one register chunk', async () => {
    const tokens = 700
    await expectExact(shapeOf({ tokens, headDim: 4, blockQ: 128, blockK: 256 }), [MASKS['causal with the diagonal'](tokens)], build)
  })

  it.each([30, 1e3, 1e4])('stays finite and right with scores around +-%f', async (scale) => {
    const shape = shapeOf({ tokens: 50, headDim: 16 })
    const mask = MASKS['causal without the diagonal (row 0 empty)'](50)
    const { out, lse, outError, lseError: ofLse } = await errorsOf(shape, [mask, MASKS['every key'](50)], build, [0, 1], scale)
    expect(out.every(Number.isFinite)).toBe(true)
    expect(lse.every(Number.isFinite)).toBe(true)
    // float32 scores of size s carry an error of s * 2^-24 per product, which the weights inherit.
    expect(outError).toBeLessThanOrEqual(scale * 4e-7)
    expect(ofLse).toBeLessThanOrEqual(TOLERANCE)
  })

  it('takes gaps beyond the range of float32 exponents in either order', async () => {
    const shape = shapeOf({ tokens: 8, headDim: 1, blockQ: 8, blockK: 8 })
    for (const order of [[0, 1], [1, 0]]) {
      const setup = setupOf(specOf(shape, 2), kernelsDir)
      const { sides: [side], kv } = setup.arena
      side.q.fill(1)
      kv[0].k.fill(-1e4)
      kv[0].v.fill(5)
      kv[1].k.fill(1e4)
      kv[1].v.fill(-3)
      const backend = await createWasmBackend(setup, [build])
      await backend.begin(side, silent)
      for (const i of order) await backend.attend({ side, slot: kv[i], ranges: [MASKS['every key'](8)], flops: 0 }, silent)
      await backend.finish(side, silent)
      expect([...side.out]).toEqual(Array<number>(8).fill(-3))
      side.lse.forEach((lse) => expect(Math.abs(lse / (1e4 + Math.log(8)) - 1)).toBeLessThanOrEqual(TOLERANCE))
    }
  })

  it('starts every pass afresh', async () => {
    const shape = shapeOf({})
    const setup = setupOf(specOf(shape, 1), kernelsDir)
    const { sides: [side], kv: [slot] } = setup.arena
    fill(setup.arena)
    const backend = await createWasmBackend(setup, [build])
    const pass = async (): Promise<number[]> => {
      await backend.begin(side, silent)
      await backend.attend({ side, slot, ranges: [MASKS['causal with the diagonal'](37)], flops: 0 }, silent)
      await backend.finish(side, silent)
      return [...side.out]
    }
    expect(await pass()).toEqual(await pass())
  })

  it('agrees with float64 attention on arbitrary shapes and key ranges', async () => {
    await fc.assert(fc.asyncProperty(anyShapeAndMasks, async ({ shape, masks }) => {
      await expectExact(shape, masks.map((rows) => rangesOf(shape.tokens, (row) => rows[row])), build)
    }), { numRuns: 60 })
  })

  it('takes scores that rise from tile to tile, from far below 0 to far above', async () => {
    const tokens = 96
    const shape = shapeOf({ tokens, headDim: 1, blockQ: 8, blockK: 8 })
    const setup = setupOf(specOf(shape, 1), kernelsDir)
    const { sides: [side], kv: [slot] } = setup.arena
    fill(setup.arena)
    side.q.fill(1)
    // From far below to far above, by 1.5 a key: every tile of 8 rises by 12.
    slot.k.forEach((_, key) => { slot.k[key] = 1.5 * key - 70 })
    const ranges = [MASKS['causal with the diagonal'](tokens)]
    const backend = await createWasmBackend(setup, [build])
    await backend.begin(side, silent)
    await backend.attend({ side, slot, ranges, flops: 0 }, silent)
    await backend.finish(side, silent)
    const expected = bruteForce(shape, side.q, [{ ...slot, ranges }])
    expect(largestError(side.out, expected.out)).toBeLessThanOrEqual(TOLERANCE)
    expect(lseError(side.lse, expected.lse)).toBeLessThanOrEqual(TOLERANCE)
  })

  it('takes blocks of small scores and of large ones in any order', async () => {
    const shape = shapeOf({ tokens: 40, headDim: 16, blockQ: 16 })
    const keyScales = [0.1, 300, 1, 30]
    for (const order of [[0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0], [2, 3, 0, 1]]) {
      for (const mask of ['every key', 'causal without the diagonal (row 0 empty)'] as const) {
        const setup = setupOf(specOf(shape, 4), kernelsDir)
        const { sides: [side], kv } = setup.arena
        fill(setup.arena)
        kv.forEach(({ k }, i) => k.forEach((value, at) => { k[at] = keyScales[i] * value }))
        const ranges = [MASKS[mask](40)]
        const backend = await createWasmBackend(setup, [build])
        await backend.begin(side, silent)
        for (const i of order) await backend.attend({ side, slot: kv[i], ranges, flops: 0 }, silent)
        await backend.finish(side, silent)
        const expected = bruteForce(shape, side.q, kv.map((slot) => ({ ...slot, ranges })))
        // float32 scores of several hundred carry an error of some 1e-5, which the weights inherit.
        expect(largestError(side.out, expected.out)).toBeLessThanOrEqual(1e-4)
        expect(lseError(side.lse, expected.lse)).toBeLessThanOrEqual(TOLERANCE)
      }
    }
  })

  it('takes a mask of its own for every batch item', async () => {
    const masks = [MASKS['first half of the keys'](29), MASKS['causal with the diagonal'](29), MASKS['no key'](29)]
    await expectExact(shapeOf({ batch: 3, heads: 2, tokens: 29 }), [masks, MASKS['a lookback of 4'](29)], build)
  })

  it('pays no heed to what lies in rows that attend to nothing and keys that nothing attends to', async () => {
    const tokens = 37
    const setup = setupOf(specOf(shapeOf({ tokens }), 1), kernelsDir)
    const { sides: [side], kv: [slot] } = setup.arena
    fill(setup.arena)
    const ranges = [MASKS['padding: the last fifth of rows and keys is not there'](tokens)]
    const real = Math.ceil(tokens * 0.8) * setup.shape.headDim
    const backend = await createWasmBackend(setup, [build])
    const pass = async (rest: number): Promise<number[]> => {
      for (const tensor of [side.q, slot.k, slot.v]) tensor.fill(rest, real)
      await backend.begin(side, silent)
      await backend.attend({ side, slot, ranges, flops: 0 }, silent)
      await backend.finish(side, silent)
      return [...side.out, ...side.lse]
    }
    const clean = await pass(0)
    expect(clean.slice(0, real).every(Number.isFinite)).toBe(true)
    expect(await pass(3e38)).toEqual(clean)
    expect(await pass(NaN)).toEqual(clean)
  })

  it('pays no heed to keys that no row sees, between keys that some see', async () => {
    const setup = setupOf(specOf(shapeOf({ tokens: 16 }), 1), kernelsDir)
    const { sides: [side], kv: [slot] } = setup.arena
    fill(setup.arena)
    const ranges = [rangesOf(16, (row) => row % 2 === 0 ? [0, 5] : [9, 16])]
    const expected = bruteForce(setup.shape, side.q, [{ ...slot, ranges }])
    for (const tensor of [slot.k, slot.v]) tensor.fill(3e38, 5 * setup.shape.headDim, 9 * setup.shape.headDim)
    const backend = await createWasmBackend(setup, [build])
    await backend.begin(side, silent)
    await backend.attend({ side, slot, ranges, flops: 0 }, silent)
    await backend.finish(side, silent)
    expect(largestError(side.out, expected.out)).toBeLessThanOrEqual(TOLERANCE)
    expect(lseError(side.lse, expected.lse)).toBeLessThanOrEqual(TOLERANCE)
  })

  it('keeps the sides apart while their passes interleave', async () => {
    const shape = shapeOf({ heads: 2 })
    const setup = setupOf(specOf(shape, 2, false, 3), kernelsDir)
    const { sides, kv } = setup.arena
    fill(setup.arena)
    const backend = await createWasmBackend(setup, [build])
    const masks = [MASKS['causal with the diagonal'](37), MASKS['every key'](37)]
    for (const side of sides) await backend.begin(side, silent)
    for (const [i, slot] of kv.entries()) {
      for (const side of sides) await backend.attend({ side, slot, ranges: [masks[(i + side.index) % 2]], flops: 0 }, silent)
    }
    for (const side of sides) {
      await backend.finish(side, silent)
      const expected = bruteForce(shape, side.q, kv.map((slot, i) => ({ ...slot, ranges: [masks[(i + side.index) % 2]] })))
      expect(largestError(side.out, expected.out)).toBeLessThanOrEqual(TOLERANCE)
      expect(lseError(side.lse, expected.lse)).toBeLessThanOrEqual(TOLERANCE)
    }
  })

  it.each([
    ['both have keys', 'causal with the diagonal', 'every key'],
    ['some rows of either have none', 'second half of the queries', 'causal without the diagonal (row 0 empty)'],
    ['the partial result has none', 'every key', 'no key'],
    ['only the partial result has some', 'no key', 'every key'],
    ['neither has', 'no key', 'no key'],
  ] as const)('joins a finished partial result: %s', async (_, own, other) => {
    const shape = shapeOf({ batch: 2, heads: 2, headDim: 7 })
    const setup = setupOf(specOf(shape, 2, false, 2), kernelsDir)
    const { sides: [side, partial], kv } = setup.arena
    fill(setup.arena, 5)
    partial.q.set(side.q)
    const masks = [MASKS[own](37), MASKS[other](37)]
    const backend = await createWasmBackend(setup, [build])
    await backend.begin(partial, silent)
    await backend.attend({ side: partial, slot: kv[1], ranges: [masks[1]], flops: 0 }, silent)
    await backend.finish(partial, silent)
    partial.lse.forEach((value, row) => {
      if (value === -Infinity) partial.out.fill(NaN, row * shape.headDim, (row + 1) * shape.headDim)
    })
    await backend.begin(side, silent)
    await backend.attend({ side, slot: kv[0], ranges: [masks[0]], flops: 0 }, silent)
    await backend.merge(side, partial, silent)
    await backend.finish(side, silent)
    const expected = bruteForce(shape, side.q, kv.map((slot, i) => ({ ...slot, ranges: [masks[i]] })))
    expect(largestError(side.out, expected.out)).toBeLessThanOrEqual(TOLERANCE)
    expect(lseError(side.lse, expected.lse)).toBeLessThanOrEqual(TOLERANCE)
  })

  it('goes on after a partial result has been joined', async () => {
    const shape = shapeOf({})
    const setup = setupOf(specOf(shape, 3, false, 2), kernelsDir)
    const { sides: [side, partial], kv } = setup.arena
    fill(setup.arena)
    partial.q.set(side.q)
    const ranges = [MASKS['every key'](37)]
    const backend = await createWasmBackend(setup, [build])
    await backend.begin(partial, silent)
    await backend.attend({ side: partial, slot: kv[1], ranges, flops: 0 }, silent)
    await backend.finish(partial, silent)
    await backend.begin(side, silent)
    await backend.merge(side, partial, silent)
    await backend.attend({ side, slot: kv[0], ranges, flops: 0 }, silent)
    await backend.attend({ side, slot: kv[2], ranges, flops: 0 }, silent)
    await backend.finish(side, silent)
    const expected = bruteForce(shape, side.q, kv.map((slot) => ({ ...slot, ranges })))
    expect(largestError(side.out, expected.out)).toBeLessThanOrEqual(TOLERANCE)
  })

  it('leaves the inputs and everything below the scratch alone', async () => {
    const setup = setupOf(specOf(shapeOf({ blockQ: 5, blockK: 9 }), 2), kernelsDir)
    const { sides: [side], kv, memory } = setup.arena
    fill(setup.arena)
    const inputs = [side.q, ...kv.flatMap(({ k, v }) => [k, v])]
    const before = inputs.map((tensor) => [...tensor])
    const backend = await createWasmBackend(setup, [build])
    await backend.begin(side, silent)
    await backend.attend({ side, slot: kv[0], ranges: [MASKS['every key'](37)], flops: 0 }, silent)
    await backend.finish(side, silent)
    expect(inputs.map((tensor) => [...tensor])).toEqual(before)
    expect(new Uint8Array(memory.buffer, 0, 1024).every((byte) => byte === 0)).toBe(true)
  })
})

describe('the wasm backend', () => {
  it('says which build it runs and takes the relaxed one where the engine has it', async () => {
    const setup = setupOf(specOf(shapeOf({}), 1), kernelsDir)
    expect((await createWasmBackend(setup)).device).toBe('wasm relaxed-SIMD, 1 thread')
    expect((await createWasmBackend(setup, ['simd'])).device).toBe('wasm SIMD, 1 thread')
  })

  it('records one compute span a block, with its operations and CPU time', async () => {
    const setup = setupOf(specOf(shapeOf({}), 1), kernelsDir)
    const spans: { category: string; startNs: number; endNs: number; facts?: SpanFacts }[] = []
    let time = 0
    const sink: SpanSink = {
      now: () => time++,
      record: (category, startNs, endNs, facts) => void spans.push({ category, startNs, endNs, facts }),
    }
    const backend = await createWasmBackend(setup)
    const { sides: [side], kv: [slot] } = setup.arena
    fill(setup.arena)
    await backend.begin(side, sink)
    await backend.attend({ side, slot, ranges: [MASKS['every key'](37)], flops: 1234 }, sink)
    expect(spans).toEqual([{ category: 'compute', startNs: 0, endNs: 1, facts: { flops: 1234, cpuNs: expect.any(Number) as number } }])
    await backend.finish(side, sink)
    expect(spans.map(({ category }) => category)).toEqual(['compute', 'merge'])
  })

  it('keeps its scratch linear in tokens', () => {
    const shape = shapeOf({ tokens: 65_536, headDim: 64, blockQ: 128, blockK: 256 })
    const perToken = (tokens: number): number => wasmScratchBytes(computeSpec({ ...shape, tokens }, true)) / tokens
    expect(perToken(65_536)).toBeLessThan(32)
    expect(perToken(131_072)).toBeLessThanOrEqual(perToken(65_536))
  })

  it('refuses key ranges, blocks, sides and arenas that are not its own', async () => {
    const setup = setupOf(specOf(shapeOf({}), 1), kernelsDir)
    const { sides: [side], kv: [slot], spec } = setup.arena
    const backend = await createWasmBackend(setup)
    const foreign = setupOf(specOf(shapeOf({}), 1, true), kernelsDir).arena
    const ranges = [MASKS['every key'](37)]
    await expect(backend.attend({ side, slot: foreign.kv[0], ranges, flops: 0 }, silent)).rejects.toThrow(KernelBufferError)
    await expect(backend.begin(foreign.sides[0], silent)).rejects.toThrow(KernelBufferError)
    await expect(backend.merge(side, foreign.sides[0], silent)).rejects.toThrow(KernelBufferError)
    await expect(backend.attend({ side, slot, ranges: [MASKS['every key'](36)], flops: 0 }, silent)).rejects.toThrow(/36 and 36 rows, expected 37/)
    await expect(backend.attend({ side, slot, ranges: [...ranges, ...ranges], flops: 0 }, silent)).rejects.toThrow(/of 2 batch items, expected 1 or 1/)
    await expect(backend.beginBackward(side, silent)).rejects.toThrow(/without a backward pass/)
    await expect(createWasmBackend({ ...setup, arena: createArena(spec, 0), shape: shapeOf({ headDim: 512, tokens: 4096 }) }))
      .rejects.toThrow(KernelBufferError)
  })

  it('says what to do when a compiled kernel is missing, and what is wrong with a foreign one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ringscope-kernels-'))
    try {
      const setup = { ...setupOf(specOf(shapeOf({}), 1), kernelsDir), kernelsDir: folder }
      await expect(createWasmBackend(setup)).rejects.toThrow(BackendUnavailableError)
      await expect(createWasmBackend(setup)).rejects.toThrow(/attention\.relaxed\.wasm; "npm run build" makes it/)
      const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
      await writeFile(join(folder, 'attention.relaxed.wasm'), emptyModule)
      await expect(createWasmBackend(setup)).rejects.toThrow(/does not export configure, begin/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('falls back to the plain build where the engine refuses relaxed SIMD, and says so where it refuses both', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ringscope-kernels-'))
    try {
      const setup = { ...setupOf(specOf(shapeOf({}), 1), kernelsDir), kernelsDir: folder }
      await writeFile(join(folder, 'attention.relaxed.wasm'), 'not a module')
      await copyFile(join(kernelsDir, 'attention.simd.wasm'), join(folder, 'attention.simd.wasm'))
      expect((await createWasmBackend(setup)).device).toBe('wasm SIMD, 1 thread')
      await writeFile(join(folder, 'attention.simd.wasm'), 'not a module')
      await expect(createWasmBackend(setup)).rejects.toThrow(/accepts none of the kernel builds/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
