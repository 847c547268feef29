import { InvalidInputError, quoteValue, type Problem } from '../../kernels/config/problem.ts'
import type { Tile } from '../../kernels/sweep/protocol.ts'

/** What a sweep varies: every blockQ with every blockK, `repeats` measurements each. */
export interface SweepGrid {
  readonly blockQ: readonly number[]
  readonly blockK: readonly number[]
  readonly repeats: number
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1

/** @throws InvalidInputError with every problem of the grid. */
export function checkGrid(grid: SweepGrid): void {
  const problems: Problem[] = []
  for (const field of ['blockQ', 'blockK'] as const) {
    if (grid[field].length === 0) problems.push({ path: field, expected: 'at least one block size', given: 'none' })
    grid[field].forEach((size, index) => {
      if (!isCount(size)) problems.push({ path: `${field}.${index}`, expected: 'an integer above 0', given: quoteValue(size) })
    })
  }
  if (!isCount(grid.repeats)) problems.push({ path: 'repeats', expected: 'an integer above 0', given: quoteValue(grid.repeats) })
  if (problems.length > 0) throw new InvalidInputError('the sweep\'s grid', problems)
}

export interface GridTiles {
  /** Each once, none larger than the shard. */
  readonly tiles: readonly Tile[]
  readonly warnings: readonly string[]
}

/** The tiles of a grid on a shard of `tokens` rows. A block larger than the shard is the shard: measured once, and said. */
export function tilesOf(grid: SweepGrid, tokens: number): GridTiles {
  const warnings: string[] = []
  const sizesOf = (field: 'blockQ' | 'blockK'): number[] => {
    const tooLarge = [...new Set(grid[field].filter((size) => size > tokens))]
    if (tooLarge.length > 0) {
      warnings.push(`${field} ${tooLarge.join(', ')}: a rank holds ${tokens} tokens, so ${tooLarge.length === 1 ? 'this was' : 'these were'} measured as ${tokens}`)
    }
    return [...new Set(grid[field].map((size) => Math.min(size, tokens)))]
  }
  const [queries, keys] = [sizesOf('blockQ'), sizesOf('blockK')]
  return { tiles: queries.flatMap((blockQ) => keys.map((blockK) => ({ blockQ, blockK }))), warnings }
}
