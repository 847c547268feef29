import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { cellsOf, checkGrid, describeTile } from './grid.ts'

const config = parseRunConfig({ world: 1, seqLen: 64, heads: 1, headDim: 8 }, 'test')
const axes: never[] = []

describe('checkGrid', () => {
  it('takes whole numbers above 0', () => {
    expect(() => { checkGrid({ blockQ: [1, 64], blockK: [7], axes, repeats: 1 }) }).not.toThrow()
  })

  it('names every problem with its place', () => {
    const attempt = (): void => { checkGrid({ blockQ: [], blockK: [64, 0, 1.5], axes, repeats: 0 }) }
    expect(attempt).toThrow(InvalidInputError)
    expect(attempt).toThrow(/blockQ: expected at least one.*\n.*blockK\.1: .*got 0\n.*blockK\.2: .*got 1\.5\n.*repeats: /)
  })

  it('refuses axes that are the tile\'s own', () => {
    expect(() => { checkGrid({ blockQ: [8], blockK: [8], axes: [{ path: 'blockK', values: [8] }], repeats: 1 }) }).toThrow('blockK')
  })
})

describe('cellsOf', () => {
  it('is every blockQ with every blockK, each pair once, the tile in its config', () => {
    const { cells, warnings } = cellsOf(config, { blockQ: [8, 16, 8], blockK: [32], axes, repeats: 1 })
    expect(cells).toEqual([8, 16].map((blockQ) => ({ blockQ, blockK: 32, values: {}, config: { ...config, blockQ, blockK: 32 } })))
    expect(warnings).toEqual([])
  })

  it('is those of every combination of further axes', () => {
    const { cells } = cellsOf(config, { blockQ: [8, 16], blockK: [32], axes: [{ path: 'headDim', values: [4, 12] }], repeats: 1 })
    expect(cells.map(describeTile)).toEqual(['8 x 32, headDim 4', '16 x 32, headDim 4', '8 x 32, headDim 12', '16 x 32, headDim 12'])
    expect(cells.map(({ config: { headDim } }) => headDim)).toEqual([4, 4, 12, 12])
  })

  it('measures blocks larger than the shard once, as the shard, and says so for each shape', () => {
    const { cells, warnings } = cellsOf(config, { blockQ: [8, 64, 128], blockK: [64, 100], axes: [{ path: 'seqLen', values: [50, 128] }], repeats: 1 })
    expect(cells.slice(0, 2).map(({ blockQ, blockK }) => [blockQ, blockK])).toEqual([[8, 50], [50, 50]])
    expect(cells).toHaveLength(2 + 6)
    expect(warnings).toEqual([
      'seqLen 50, blockQ 64, 128: a rank holds 50 tokens, so these were measured as 50',
      'seqLen 50, blockK 64, 100: a rank holds 50 tokens, so these were measured as 50',
    ])
  })
})
