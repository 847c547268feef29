import { expect, test } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import type { LayoutFigures } from '../../preload/contract/analysis.ts'
import { planReport } from '../planner/planReport.ts'
import { layoutFigures } from './layoutFigures.ts'

const figures = (fields: Partial<RunConfigInput>): LayoutFigures[] =>
  layoutFigures(parseRunConfig({ world: 8, seqLen: 256, heads: 1, headDim: 8, blockQ: 4, blockK: 4, cyclicWidth: 4, ...fields }, 'test'), planReport)

test('the four layouts of 256 tokens on 8 ranks leave what the reference says, and the run\'s own is marked', () => {
  const found = figures({ layout: 'striped' })
  expect(found.map(({ layout, used }) => [layout, used]))
    .toEqual([['contiguous', false], ['striped', true], ['zigzag', false], ['block-cyclic', false]])
  const idle = found.map(({ idleFraction }) => idleFraction)
  for (const [at, expected] of [0.4657, 0.0265, 0, 0.0982].entries()) expect(idle[at]).toBeCloseTo(expected, 4)
  expect(found[2].speedupOverContiguous).toBeCloseTo(7696 / 4112, 12)
})

test('in tiles, striped loses what zigzag keeps', () => {
  const [contiguous, striped, zigzag] = figures({})
  // Shards of 32 in tiles of 4: m = 8, N m(m+1)/2 = 288 tiles striped, m(m+1)/2 + (N-1)m²/2 = 260 zigzag.
  const contiguousTiles = 36 + 7 * 64
  expect(striped.tiled?.speedupOverContiguous).toBeCloseTo(contiguousTiles / 288, 12)
  expect(zigzag.tiled?.speedupOverContiguous).toBeCloseTo(contiguousTiles / 260, 12)
  expect(contiguous.tiled?.speedupOverContiguous).toBe(1)
})

test('there is no comparison where there is no choice', () => {
  for (const fields of [
    { world: 1 }, { mask: 'full' }, { algorithm: 'ulysses', heads: 8 }, { algorithm: 'distflash', layout: 'contiguous' }, { world: 256 },
  ] as const) expect(figures(fields)).toEqual([])
  expect(figures({ mask: 'full', cuSeqlens: [0, 100, 256] })).toHaveLength(4)
})
