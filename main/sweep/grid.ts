import { InvalidInputError, quoteValue, type Problem } from '../../kernels/config/problem.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { rankShape } from '../../kernels/rank/schedule.ts'
import type { SweepAxis, SweptTile } from '../../preload/contract/sweep.ts'
import { checkAxes, configsOf, describeValues } from './axes.ts'

/** What a sweep of tiles varies: every blockQ with every blockK, for every combination of further axes; `repeats` measurements each. */
export interface SweepGrid {
  readonly blockQ: readonly number[]
  readonly blockK: readonly number[]
  readonly axes: readonly SweepAxis[]
  readonly repeats: number
}

const TILE_AXES = ['blockQ', 'blockK'] as const

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1

/** @throws InvalidInputError */
export function checkRepeats(repeats: number): void {
  if (isCount(repeats)) return
  throw new InvalidInputError('the sweep', [{ path: 'repeats', expected: 'an integer above 0', given: quoteValue(repeats) }])
}

/** @throws InvalidInputError with every problem of the grid. */
export function checkGrid(grid: SweepGrid): void {
  const problems: Problem[] = []
  for (const field of TILE_AXES) {
    if (grid[field].length === 0) problems.push({ path: field, expected: 'at least one block size', given: 'none' })
    grid[field].forEach((size, index) => {
      if (!isCount(size)) problems.push({ path: `${field}.${index}`, expected: 'an integer above 0', given: quoteValue(size) })
    })
  }
  if (!isCount(grid.repeats)) problems.push({ path: 'repeats', expected: 'an integer above 0', given: quoteValue(grid.repeats) })
  if (problems.length > 0) throw new InvalidInputError('the sweep\'s grid', problems)
  checkAxes(grid.axes, TILE_AXES)
}

/** A tile of a grid with its config, the tile in it. */
export interface GridCell extends SweptTile {
  readonly config: RunConfig
}

export interface GridCells {
  /** Each once, no block larger than the shard. */
  readonly cells: readonly GridCell[]
  readonly warnings: readonly string[]
}

/**
 * The cells of a grid, shape by shape. A block larger than the shard is the shard: measured once, and said.
 * @throws InvalidInputError naming every combination of the axes that makes no config
 */
export function cellsOf(config: RunConfig, grid: SweepGrid): GridCells {
  const warnings: string[] = []
  const cells = configsOf(config, grid.axes).flatMap(({ values, config: swept }): GridCell[] => {
    const { tokens } = rankShape(swept)
    const where = describeValues(values)
    const sizesOf = (field: (typeof TILE_AXES)[number]): number[] => {
      const tooLarge = [...new Set(grid[field].filter((size) => size > tokens))]
      if (tooLarge.length > 0) {
        warnings.push(`${where === '' ? '' : `${where}, `}${field} ${tooLarge.join(', ')}: a rank holds ${tokens} tokens, ` +
          `so ${tooLarge.length === 1 ? 'this was' : 'these were'} measured as ${tokens}`)
      }
      return [...new Set(grid[field].map((size) => Math.min(size, tokens)))]
    }
    const [queries, keys] = [sizesOf('blockQ'), sizesOf('blockK')]
    return queries.flatMap((blockQ) => keys.map((blockK) => ({ blockQ, blockK, values, config: { ...swept, blockQ, blockK } })))
  })
  return { cells, warnings }
}

/** "64 x 128, headDim 64". */
export const describeTile = ({ blockQ, blockK, values }: SweptTile): string =>
  [`${blockQ} x ${blockK}`, describeValues(values)].filter((part) => part !== '').join(', ')
