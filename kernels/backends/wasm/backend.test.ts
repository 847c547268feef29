import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildKernels } from '../../../scripts/build-kernels.mjs'
import { parseRunConfig } from '../../config/runConfig.ts'
import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { SpanFacts } from '../../timeline/recorder.ts'
import { createArena } from '../arena.ts'
import { BackendUnavailableError, type BackendSetup, type RankArena, type RankShape, type SpanSink } from '../backend.ts'
import { createWasmBackend, KernelBufferError, wasmScratchBytes } from './backend.ts'
import { bruteForce } from './bruteForce.ts'
import { KERNEL_BUILDS, type KernelBuild } from './kernelModule.ts'

const TOLERANCE = 2e-6

let kernelsDir: string
beforeAll(async () => {
  kernelsDir = await buildKernels()
})

const silent: SpanSink = { now: () => 0, record: () => undefined }

/** Deterministic numbers in [-1, 1). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
}

const rangesOf = (rows: number, range: (row: number) => readonly [number, number]): KeyRanges => {
  const ranges = { from: new Int32Array(rows), to: new Int32Array(rows) }
  for (let row = 0; row < rows; row++) [ranges.from[row], ranges.to[row]] = range(row)
  return ranges
}

const MASKS: Record<string, (tokens: number) => KeyRanges> = {
  'every key': (tokens) => rangesOf(tokens, () => [0, tokens]),
  'causal with the diagonal': (tokens) => rangesOf(tokens, (row) => [0, row + 1]),
  'causal without the diagonal (row 0 empty)': (tokens) => rangesOf(tokens, (row) => [0, row]),
  'a window that slides': (tokens) => rangesOf(tokens, (row) => [Math.max(0, row - 4), Math.min(tokens, row + 3)]),
  'second half of the queries': (tokens) => rangesOf(tokens, (row) => row < tokens / 2 ? [0, 0] : [0, tokens]),
  'first half of the keys': (tokens) => rangesOf(tokens, () => [0, Math.floor(tokens / 2)]),
  'ragged, from above 0, every third row empty': (tokens) =>
    rangesOf(tokens, (row) => row % 3 === 1 ? [5, 2] : [(row * 7) % tokens, Math.min(tokens, (row * 7) % tokens + 11)]),
  'no key': (tokens) => rangesOf(tokens, () => [0, 0]),
}

const shapeOf = (parts: Partial<RankShape>): RankShape =>
  ({ batch: 1, heads: 1, kvHeads: parts.heads ?? 1, headDim: 8, tokens: 37, blockQ: 16, blockK: 16, ...parts })

function setupOf(shape: RankShape, slots: number): BackendSetup {
  const arena = createArena(shape, slots, wasmScratchBytes(shape))
  const config = parseRunConfig({
    world: 1, seqLen: shape.tokens, heads: shape.heads, kvHeads: shape.kvHeads, headDim: shape.headDim, batch: shape.batch,
  }, 'test')
  return { shape, arena, config, kernelsDir }
}

function fill(arena: RankArena, scale = 1): void {
  const next = randomNumbers(7)
  for (const tensor of [arena.q, ...arena.slots.flatMap(({ k, v }) => [k, v])]) {
    for (let i = 0; i < tensor.length; i++) tensor[i] = next()
  }
  for (let i = 0; i < arena.q.length; i++) arena.q[i] *= scale
}

/** Runs one pass over the given masks, one K/V slot each, and returns the largest error against float64. */
async function errorsOf(shape: RankShape, masks: readonly KeyRanges[], build: KernelBuild, order = masks.map((_, i) => i), scale = 1) {
  const setup = setupOf(shape, masks.length)
  const { arena } = setup
  fill(arena, scale)
  const backend = await createWasmBackend(setup, [build])
  await backend.begin(silent)
  for (const i of order) await backend.attend({ slot: arena.slots[i], ranges: masks[i], flops: 0 }, silent)
  await backend.finish(silent)
  const expected = bruteForce(shape, arena.q, masks.map((ranges, i) => ({ k: arena.slots[i].k, v: arena.slots[i].v, ranges })))
  let outError = 0
  let lseError = 0
  for (let i = 0; i < expected.out.length; i++) {
    const error = Math.abs(arena.out[i] - expected.out[i])
    if (!(error <= outError)) outError = error
  }
  for (let row = 0; row < expected.lse.length; row++) {
    if (expected.lse[row] === -Infinity) {
      expect(arena.lse[row]).toBe(-Infinity)
      continue
    }
    const error = Math.abs(arena.lse[row] - expected.lse[row]) / Math.max(1, Math.abs(expected.lse[row]))
    if (!(error <= lseError)) lseError = error
  }
  return { outError, lseError, out: arena.out, lse: arena.lse }
}

async function expectExact(shape: RankShape, masks: readonly KeyRanges[], build: KernelBuild): Promise<void> {
  const { outError, lseError } = await errorsOf(shape, masks, build)
  expect(outError).toBeLessThanOrEqual(TOLERANCE)
  expect(lseError).toBeLessThanOrEqual(TOLERANCE)
}

describe.each(KERNEL_BUILDS)('fused kernel, %s build', (build) => {
  it.each(Object.keys(MASKS))('agrees with float64 attention: %s', async (mask) => {
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
    const { out, lse, outError, lseError } = await errorsOf(shape, [mask, MASKS['every key'](50)], build, [0, 1], scale)
    expect(out.every(Number.isFinite)).toBe(true)
    expect(lse.every(Number.isFinite)).toBe(true)
    // float32 scores of size s carry an error of s * 2^-24 per product, which the weights inherit.
    expect(outError).toBeLessThanOrEqual(scale * 4e-7)
    expect(lseError).toBeLessThanOrEqual(TOLERANCE)
  })

  it('takes gaps beyond the range of float32 exponents in either order', async () => {
    const shape = shapeOf({ tokens: 8, headDim: 1, blockQ: 8, blockK: 8 })
    for (const order of [[0, 1], [1, 0]]) {
      const setup = setupOf(shape, 2)
      const { arena } = setup
      arena.q.fill(1)
      arena.slots[0].k.fill(-1e4)
      arena.slots[0].v.fill(5)
      arena.slots[1].k.fill(1e4)
      arena.slots[1].v.fill(-3)
      const backend = await createWasmBackend(setup, [build])
      await backend.begin(silent)
      for (const i of order) await backend.attend({ slot: arena.slots[i], ranges: MASKS['every key'](8), flops: 0 }, silent)
      await backend.finish(silent)
      expect([...arena.out]).toEqual(Array<number>(8).fill(-3))
      arena.lse.forEach((lse) => expect(Math.abs(lse / (1e4 + Math.log(8)) - 1)).toBeLessThanOrEqual(TOLERANCE))
    }
  })

  it('starts every pass afresh', async () => {
    const shape = shapeOf({})
    const setup = setupOf(shape, 1)
    fill(setup.arena)
    const backend = await createWasmBackend(setup, [build])
    const pass = async (): Promise<number[]> => {
      await backend.begin(silent)
      await backend.attend({ slot: setup.arena.slots[0], ranges: MASKS['causal with the diagonal'](37), flops: 0 }, silent)
      await backend.finish(silent)
      return [...setup.arena.out]
    }
    expect(await pass()).toEqual(await pass())
  })

  it('agrees with float64 attention on arbitrary shapes and key ranges', async () => {
    const shapes = fc.record({
      batch: fc.integer({ min: 1, max: 2 }), kvHeads: fc.integer({ min: 1, max: 2 }), group: fc.integer({ min: 1, max: 3 }),
      headDim: fc.integer({ min: 1, max: 24 }), tokens: fc.integer({ min: 1, max: 40 }),
      blockQ: fc.integer({ min: 1, max: 48 }), blockK: fc.integer({ min: 1, max: 48 }),
    }).map(({ group, ...shape }): RankShape => ({ ...shape, heads: shape.kvHeads * group }))
    const cases = shapes.chain((shape) => fc.record({
      shape: fc.constant(shape),
      masks: fc.array(fc.array(fc.tuple(fc.nat(shape.tokens), fc.nat(shape.tokens)), { minLength: shape.tokens, maxLength: shape.tokens }),
        { minLength: 1, maxLength: 3 }),
    }))
    await fc.assert(fc.asyncProperty(cases, async ({ shape, masks }) => {
      await expectExact(shape, masks.map((rows) => rangesOf(shape.tokens, (row) => rows[row])), build)
    }), { numRuns: 60 })
  })

  it('leaves the inputs and everything below the scratch alone', async () => {
    const shape = shapeOf({ blockQ: 5, blockK: 9 })
    const setup = setupOf(shape, 2)
    const { arena } = setup
    fill(arena)
    const inputs = [arena.q, arena.slots[0].k, arena.slots[0].v, arena.slots[1].k, arena.slots[1].v]
    const before = inputs.map((tensor) => [...tensor])
    const backend = await createWasmBackend(setup, [build])
    await backend.begin(silent)
    await backend.attend({ slot: arena.slots[0], ranges: MASKS['every key'](37), flops: 0 }, silent)
    await backend.finish(silent)
    expect(inputs.map((tensor) => [...tensor])).toEqual(before)
    expect(new Uint8Array(arena.memory.buffer, 0, 1024).every((byte) => byte === 0)).toBe(true)
  })
})

describe('the wasm backend', () => {
  it('says which build it runs and takes the relaxed one where the engine has it', async () => {
    const setup = setupOf(shapeOf({}), 1)
    expect((await createWasmBackend(setup)).device).toBe('wasm relaxed-SIMD, 1 thread')
    expect((await createWasmBackend(setup, ['simd'])).device).toBe('wasm SIMD, 1 thread')
  })

  it('records one compute span a block, with its operations and CPU time', async () => {
    const setup = setupOf(shapeOf({}), 1)
    const spans: { category: string; startNs: number; endNs: number; facts?: SpanFacts }[] = []
    let time = 0
    const sink: SpanSink = {
      now: () => time++,
      record: (category, startNs, endNs, facts) => void spans.push({ category, startNs, endNs, facts }),
    }
    const backend = await createWasmBackend(setup)
    await backend.begin(sink)
    await backend.attend({ slot: setup.arena.slots[0], ranges: MASKS['every key'](37), flops: 1234 }, sink)
    expect(spans).toEqual([{ category: 'compute', startNs: 0, endNs: 1, facts: { flops: 1234, cpuNs: expect.any(Number) as number } }])
    await backend.finish(sink)
    expect(spans.map(({ category }) => category)).toEqual(['compute', 'merge'])
  })

  it('keeps its scratch linear in tokens', () => {
    const shape = shapeOf({ tokens: 65_536, headDim: 64, blockQ: 128, blockK: 256 })
    const perToken = (tokens: number): number => wasmScratchBytes({ ...shape, tokens }) / tokens
    expect(perToken(65_536)).toBeLessThan(24)
    expect(perToken(131_072)).toBeLessThanOrEqual(perToken(65_536))
  })

  it('refuses key ranges and slots that are not its own', async () => {
    const setup = setupOf(shapeOf({}), 1)
    const backend = await createWasmBackend(setup)
    const foreign = setupOf(shapeOf({}), 1).arena.slots[0]
    const ranges = MASKS['every key'](37)
    await expect(backend.attend({ slot: foreign, ranges, flops: 0 }, silent)).rejects.toThrow(KernelBufferError)
    await expect(backend.attend({ slot: setup.arena.slots[0], ranges: MASKS['every key'](36), flops: 0 }, silent))
      .rejects.toThrow(/36 and 36 rows, expected 37/)
    const cramped = { ...setup, arena: createArena(setup.shape, 1, 0) }
    await expect(createWasmBackend({ ...cramped, shape: shapeOf({ tokens: 37, blockK: 30_000, headDim: 512, blockQ: 64 }) }))
      .rejects.toThrow(KernelBufferError)
  })

  it('says what to do when a compiled kernel is missing, and what is wrong with a foreign one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ringscope-kernels-'))
    try {
      const setup = { ...setupOf(shapeOf({}), 1), kernelsDir: folder }
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
      const setup = { ...setupOf(shapeOf({}), 1), kernelsDir: folder }
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
