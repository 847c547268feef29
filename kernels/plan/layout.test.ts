import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clipRun, positionAt, positionsOf, type PositionRun, rowsBelow, shardRuns, shardTokens, tokenLayout } from './layout.ts'
import { layoutCases, testConfig } from './testing/cases.ts'

const order = (...shard: Parameters<typeof shardRuns>): number[] => [...positionsOf(shardRuns(...shard))]

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('layouts', () => {
  it('deal tokens as the published orders do', () => {
    expect(order('zigzag', 2, 6, 0)).toEqual([0, 1, 2, 9, 10, 11])
    expect(order('striped', 4, 4, 0)).toEqual([0, 4, 8, 12])
    expect(order('contiguous', 4, 3, 0)).toEqual([0, 1, 2])
    expect(upTo(4).flatMap((position) => order('zigzag', 4, 2, position))).toEqual([0, 7, 1, 6, 2, 5, 3, 4])
    expect(order('block-cyclic', 2, 6, 0, 3)).toEqual([0, 1, 2, 6, 7, 8])
    expect(order('block-cyclic', 3, 4, 1, 2)).toEqual([2, 3, 8, 9])
  })

  it('block-cyclic is striped with width 1 and contiguous with the shard as width', () => {
    for (const position of upTo(3)) {
      expect(order('block-cyclic', 3, 8, position, 1)).toEqual(order('striped', 3, 8, position))
      expect(order('block-cyclic', 3, 8, position, 8)).toEqual(order('contiguous', 3, 8, position))
    }
  })

  it.each(layoutCases)('$layout $cyclicWidth: every position has exactly one place, padding included, and local rows ascend', (layout) => {
    for (const world of [1, 2, 3, 4, 6, 8]) {
      for (const degree of [1, 2, 4].filter((members) => world % members === 0)) {
        for (const seqLen of [1, world, 10 * world + 3]) {
          const { computeTokens, shardTokens: own, paddedSeqLen, geometry: { ringSize } } = tokenLayout(
            testConfig({ ...layout, world, seqLen, algorithm: 'hybrid', ulyssesDegree: degree }))
          const shards = upTo(ringSize).map((position) => order(layout.layout ?? 'zigzag', ringSize, computeTokens, position, layout.cyclicWidth))
          expect(shards.flat().toSorted((a, b) => a - b)).toEqual(upTo(paddedSeqLen))
          expect(paddedSeqLen).toBeGreaterThanOrEqual(seqLen)
          expect(own * degree).toBe(computeTokens)
          expect(own).toBe(Math.trunc(own))
          for (const shard of shards) {
            expect(shard.length).toBe(computeTokens)
            expect(shard).toEqual(shard.toSorted((a, b) => a - b))
          }
        }
      }
    }
  })

  it('pad no more than equal parts need', () => {
    expect(shardTokens('contiguous', 10, 3)).toBe(4)
    expect(shardTokens('striped', 9, 3)).toBe(3)
    expect(shardTokens('zigzag', 9, 3)).toBe(4)
    expect(shardTokens('zigzag', 33, 2, 4)).toBe(20)
    expect(shardTokens('contiguous', 33, 2, 4)).toBe(20)
    expect(shardTokens('block-cyclic', 33, 2, 4, 6)).toBe(24)
  })
})

describe('runs of positions', () => {
  const run: fc.Arbitrary<PositionRun> = fc.record({
    start: fc.nat(20), width: fc.integer({ min: 1, max: 5 }), gap: fc.nat(6), count: fc.integer({ min: 1, max: 5 }),
  }).map(({ start, width, gap, count }) => ({ start, width, count, stride: width + gap }))

  it('are cut at any interval without losing or adding a position', () => {
    fc.assert(fc.property(run, fc.integer({ min: -5, max: 80 }), fc.integer({ min: -5, max: 80 }), (whole, from, to) => {
      const cut: PositionRun[] = []
      clipRun(whole, from, to, cut)
      expect([...positionsOf(cut)]).toEqual([...positionsOf([whole])].filter((position) => position >= from && position < to))
      expect(cut.every(({ stride, count, width }) => stride === whole.stride && count > 0 && width > 0)).toBe(true)
      expect(cut.length).toBeLessThanOrEqual(3)
    }))
  })

  it('tell rows from positions and positions from rows', () => {
    fc.assert(fc.property(run, fc.integer({ min: -5, max: 80 }), (whole, limit) => {
      const second = { ...whole, start: whole.start + whole.stride * whole.count }
      const positions = [...positionsOf([whole, second])]
      expect(rowsBelow([whole, second], limit)).toBe(positions.filter((position) => position < limit).length)
      expect(positions.map((_, row) => positionAt([whole, second], row))).toEqual(positions)
      expect(() => positionAt([whole, second], positions.length)).toThrow(RangeError)
    }))
  })
})
