import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RankShape } from '../backends/backend.ts'
import { planTiles, cutRows } from '../backends/tfjs/tiles.ts'
import type { KeyRanges } from '../plan/keyRanges.ts'
import { kernelWork } from './kernelWork.ts'
import type { TileWork } from './tileWork.ts'

const full = (tokens: number): KeyRanges => ({ from: new Int32Array(tokens), to: new Int32Array(tokens).fill(tokens) })
const causal = (tokens: number): KeyRanges => ({ from: new Int32Array(tokens), to: Int32Array.from({ length: tokens }, (_, row) => row + 1) })

function work(backend: 'wasm' | 'tfjs-wasm' | 'tfjs-cpu', ranges: KeyRanges, parts: Partial<RankShape>, backward = false): TileWork {
  const shape = { batch: 1, heads: 1, kvHeads: 1, headDim: 64, tokens: ranges.from.length, blockQ: 64, blockK: 72, ...parts }
  const counted = kernelWork({ backend, shape, ranges: [ranges], backward })
  if (counted === null) throw new TypeError(`${backend} is not modelled`)
  return counted
}

describe('work of the fused kernel', () => {
  it('is the pairs times 4 headDim where register tiles fit, whatever the tile', () => {
    // 96 dimensions and 72 keys divide by 6.
    for (const blockQ of [8, 64, 288]) expect(work('wasm', full(288), { blockQ, headDim: 96 }).flops).toBeCloseTo(288 * 288 * 4 * 96, -1)
  })

  it('leaves out what a causal mask hides, up to strips of 8 queries', () => {
    const pairs = 288 * 289 / 2
    const { flops } = work('wasm', causal(288), { headDim: 96 })
    expect(flops / (4 * 96)).toBeGreaterThan(pairs)
    expect(flops / (4 * 96)).toBeLessThan(1.1 * pairs)
  })

  it('costs more register tiles the smaller blockK is, and more than its arithmetic where keys do not divide by 6', () => {
    const units = [72, 36, 12, 6].map((blockK) => work('wasm', full(288), { blockK }).units)
    expect(units).toEqual(units.toSorted((a, b) => a - b))
    expect(work('wasm', full(288), { blockK: 1 }).flops).toBeGreaterThan(1.5 * work('wasm', full(288), { blockK: 6 }).flops)
  })

  it('streams K and V once per query tile from where a head stays', () => {
    const [small, large] = [work('wasm', full(288), { blockQ: 8 }), work('wasm', full(288), { blockQ: 72 })]
    expect(small.streams[0]).toEqual({ bytes: 36 * 2 * 288 * 64 * 4, setBytes: 2 * 288 * 64 * 4, overlapped: true })
    expect(large.streams[0].bytes).toBe(small.streams[0].bytes / 9)
  })

  it('grows by heads and batch, and by ranges of their own', () => {
    const one = work('wasm', causal(64), {})
    const many = work('wasm', causal(64), { heads: 4, kvHeads: 2, batch: 3 })
    expect(many.units).toBe(12 * one.units)
    const shape = { batch: 3, heads: 4, kvHeads: 2, headDim: 64, tokens: 64, blockQ: 64, blockK: 72 }
    expect(kernelWork({ backend: 'wasm', shape, ranges: [causal(64), causal(64), causal(64)], backward: false })).toEqual(many)
  })

  it('with a backward pass has the scores of a tile in a set of their own', () => {
    const { streams, flops } = work('wasm', full(288), { blockQ: 144, blockK: 144, headDim: 96 }, true)
    expect(flops).toBeCloseTo(288 * 288 * 14 * 96, -1)
    expect(streams.at(-1)?.setBytes).toBeGreaterThan(2 * 144 * 144 * 4)
    expect(streams.at(-1)).toMatchObject({ bytes: 9 * 4 * 288 * 288, overlapped: false })
  })
})

describe('work of the generic kernel', () => {
  it('is whole tiles, as its own plan has them', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), fc.boolean(), (tokens, blockQ, blockK, masked) => {
      const ranges = masked ? causal(tokens) : full(tokens)
      const [queries, keys] = [cutRows(tokens, blockQ), cutRows(tokens, blockK)]
      const tiles = planTiles(ranges, queries, keys).flatMap(({ queryBlock, tiles: ofQuery }) => ofQuery.map((tile) => ({ queryBlock, ...tile })))
      const pairs = tiles.reduce((sum, { queryBlock, keyBlock }) =>
        sum + (queries[queryBlock].to - queries[queryBlock].from) * (keys[keyBlock].to - keys[keyBlock].from), 0)
      const joins = tiles.length - new Set(tiles.map(({ queryBlock }) => queryBlock)).size
      const { flops, units } = work('tfjs-wasm', ranges, { blockQ, blockK, headDim: 16 })
      expect(flops).toBe(pairs * 4 * 16)
      expect(units).toBe(7 * tiles.length + tiles.filter(({ mask }) => mask !== null).length + 13 * joins)
    }))
  })

  it('goes through the rows of every tile', () => {
    expect(work('tfjs-wasm', full(512), { blockQ: 64, blockK: 64, heads: 4, kvHeads: 2 }).rows).toBe(4 * 512 * 8)
    expect(work('wasm', full(512), {}).rows).toBe(0)
  })

  it('streams its scores, from a set that grows with the tile', () => {
    const [small, large] = [work('tfjs-wasm', full(512), { blockQ: 64, blockK: 64 }), work('tfjs-wasm', full(512), { blockQ: 512, blockK: 512 })]
    expect(small.streams[0].bytes).toBe(large.streams[0].bytes)
    expect(large.streams[0].setBytes).toBeGreaterThan(25 * small.streams[0].setBytes)
    expect(large.streams[0].overlapped).toBe(false)
  })

  it('computes the slices of a batch together where the backend does', () => {
    const [apart, together] = [work('tfjs-wasm', full(64), { heads: 4, kvHeads: 2, batch: 3 }), work('tfjs-cpu', full(64), { heads: 4, kvHeads: 2, batch: 3 })]
    expect(apart.units).toBe(6 * together.units)
    expect(apart.flops).toBe(together.flops)
  })
})

it('kernels of GPUs have no work on a processor', () => {
  const shape = { batch: 1, heads: 1, kvHeads: 1, headDim: 8, tokens: 8, blockQ: 8, blockK: 8 }
  for (const backend of ['webgpu', 'tensorflow'] as const) expect(kernelWork({ backend, shape, ranges: [full(8)], backward: false })).toBeNull()
})
