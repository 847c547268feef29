import { describe, expect, it } from 'vitest'
import { BackendUnavailableError } from '../backends/backend.ts'
import { parseRunConfig, type RunConfigInput } from '../config/runConfig.ts'
import { planRun } from '../plan/planRun.ts'
import { blockBytes, BlockChecker, prepareBlock } from './block.ts'
import { MeasuringSession } from './measure.ts'

const input: RunConfigInput = { world: 3, layout: 'zigzag', mask: 'causal', batch: 2, seqLen: 70, heads: 4, kvHeads: 2, headDim: 8 }
const config = parseRunConfig(input, 'test')
const TILES = [{ blockQ: 8, blockK: 8 }, { blockQ: 16, blockK: 24 }, { blockQ: 24, blockK: 5 }]

const prepare = (cells: readonly Partial<RunConfigInput>[] = TILES, backend: 'tfjs-cpu' | 'wasm' = 'tfjs-cpu', kernelsDir = ''): Promise<MeasuringSession> =>
  MeasuringSession.prepare({ backend, kernelsDir, configs: cells.map((cell) => ({ ...input, ...cell })), probes: [] })

describe('MeasuringSession', () => {
  it('checks and measures any cell, in any order', async () => {
    const session = await prepare()
    expect(session.device).toContain('tfjs-cpu')
    for (const cell of [2, 0, 1]) {
      const { maxAbsError, maxAbsGradError } = await session.check(cell)
      expect(maxAbsError).toBeLessThan(1e-5)
      expect(maxAbsGradError).toBeNull()
    }
    for (const cell of [1, 0, 2, 1]) expect(await session.measure(cell)).toBeGreaterThan(0)
    await session.dispose()
  })

  it('counts the work of rank 0 with its own block, cell by cell', async () => {
    const session = await prepare([TILES[0], { ...TILES[0], headDim: 16 }, { ...TILES[0], mask: 'full' }])
    const pairs = (parts: Partial<RunConfigInput>): number => planRun(parseRunConfig({ ...input, ...parts }, 'test')).ranks[0].steps[0].pairs
    expect(session.flops).toEqual([pairs({}) * 4 * 2 * 4 * 8, pairs({}) * 4 * 2 * 4 * 16, pairs({ mask: 'full' }) * 4 * 2 * 4 * 8])
    await session.dispose()
  })

  it('measures and checks the gradient where the config has a backward pass', async () => {
    const [forward, both] = [await prepare(), await prepare(TILES.map((tile) => ({ ...tile, pass: 'forward-backward' })))]
    expect(both.flops[0]).toBe(forward.flops[0] * 3.5)
    for (const cell of TILES.keys()) {
      const { maxAbsError, maxAbsGradError } = await both.check(cell)
      expect(maxAbsError).toBeLessThan(1e-5)
      expect(maxAbsGradError).toBeLessThan(1e-4)
      expect(await both.measure(cell)).toBeGreaterThan(0)
    }
    await Promise.all([forward.dispose(), both.dispose()])
  })

  it('times its probes', async () => {
    const session = await MeasuringSession.prepare({ backend: 'tfjs-cpu', kernelsDir: '', configs: [input], probes: [{ ...input, world: 1 }, { ...input, seqLen: 35 }] })
    expect(session.probeNs).toHaveLength(2)
    for (const probeNs of session.probeNs) expect(probeNs).toBeGreaterThan(0)
    await session.dispose()
  })

  it('will not measure what it has not checked', async () => {
    const session = await prepare()
    await expect(session.measure(0)).rejects.toThrow('not checked')
    await session.dispose()
  })

  it('fails for a backend that cannot run', async () => {
    await expect(prepare(TILES, 'wasm', '/nowhere')).rejects.toThrow(BackendUnavailableError)
  })
})

describe('BlockChecker', () => {
  it('sees output that is wrong, or that was never written', () => {
    const block = prepareBlock(config, 'tfjs-cpu', TILES)
    const checker = new BlockChecker(config, block)
    expect(checker.checkedRows).toBeGreaterThanOrEqual(8)
    expect(checker.errors().maxAbsError).toBeGreaterThan(0.1)
    checker.spoil()
    expect(checker.errors()).toEqual({ maxAbsError: Number.MAX_VALUE, maxAbsGradError: null })
  })

  it('sees gradients that were never written', () => {
    const both = { ...config, pass: 'forward-backward' } as const
    const block = prepareBlock(both, 'tfjs-cpu', TILES)
    const checker = new BlockChecker(both, block)
    expect(checker.checkedKeyRows).toBeGreaterThan(0)
    checker.spoil()
    expect(checker.errors().maxAbsGradError).toBe(Number.MAX_VALUE)
  })
})

describe('prepareBlock', () => {
  it('gives every tile scratch of its own', () => {
    const { arenas } = prepareBlock(config, 'wasm', TILES)
    const starts = arenas.map(({ scratchByteOffset }) => scratchByteOffset)
    expect(new Set(starts).size).toBe(3)
    for (const start of starts) expect(start % 64).toBe(0)
  })

  it('takes what it says it takes, up to whole pages', () => {
    for (const pass of ['forward', 'forward-backward'] as const) {
      const { arena } = prepareBlock({ ...config, pass }, 'wasm', TILES)
      const bytes = blockBytes({ ...config, pass }, 'wasm', TILES)
      expect(arena.memory.buffer.byteLength - bytes).toBeGreaterThanOrEqual(0)
      expect(arena.memory.buffer.byteLength - bytes).toBeLessThan(65_536)
    }
  })
})
