import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { checkGrid, tilesOf } from './grid.ts'

describe('checkGrid', () => {
  it('takes whole numbers above 0', () => {
    expect(() => { checkGrid({ blockQ: [1, 64], blockK: [7], repeats: 1 }) }).not.toThrow()
  })

  it('names every problem with its place', () => {
    const attempt = (): void => { checkGrid({ blockQ: [], blockK: [64, 0, 1.5], repeats: 0 }) }
    expect(attempt).toThrow(InvalidInputError)
    expect(attempt).toThrow(/blockQ: expected at least one.*\n.*blockK\.1: .*got 0\n.*blockK\.2: .*got 1\.5\n.*repeats: /)
  })
})

describe('tilesOf', () => {
  it('is every blockQ with every blockK, each pair once', () => {
    expect(tilesOf({ blockQ: [8, 16, 8], blockK: [32], repeats: 1 }, 64))
      .toEqual({ tiles: [{ blockQ: 8, blockK: 32 }, { blockQ: 16, blockK: 32 }], warnings: [] })
  })

  it('measures blocks larger than the shard once, as the shard, and says so', () => {
    const { tiles, warnings } = tilesOf({ blockQ: [8, 64, 128], blockK: [64, 100], repeats: 1 }, 50)
    expect(tiles).toEqual([{ blockQ: 8, blockK: 50 }, { blockQ: 50, blockK: 50 }])
    expect(warnings).toEqual([
      'blockQ 64, 128: a rank holds 50 tokens, so these were measured as 50',
      'blockK 64, 100: a rank holds 50 tokens, so these were measured as 50',
    ])
  })
})
