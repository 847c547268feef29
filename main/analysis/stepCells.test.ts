import { expect, test } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { CATEGORY_CODE, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { StepCell } from '../../preload/contract/analysis.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { addRankLanes } from '../timeline/rankLanes.ts'
import { TimelineBuilder } from '../timeline/timeline.ts'
import { stepCells } from './stepCells.ts'

const configOf = (fields: Partial<RunConfigInput>) => parseRunConfig({ world: 2, mask: 'full', seqLen: 64, heads: 2, headDim: 8, ...fields }, 'test')

/** One iteration of 1 µs on two ranks, from spans of their compute lanes. */
function cellsOf(fields: Partial<RunConfigInput>, rows: readonly (readonly [rank: number, step: number, category: SpanCategory, startNs: number, endNs: number])[]): StepCell[] {
  const config = configOf(fields)
  const plan = planRun(config)
  const builder = new TimelineBuilder('by hand', 'run')
  const lanes = addRankLanes(builder, plan)
  for (const [rank, step, category, startNs, endNs] of rows) {
    builder.append({ lane: lanes[rank][0], category: CATEGORY_CODE[category], name: builder.intern(category), startNs, durationNs: endNs - startNs, iteration: 0, step })
  }
  const { run } = simulateRing(config, { gflopsPerRank: 1, link: null })
  if (run === null) throw new Error('a simulation has a record')
  const record = { ...run, iterations: [{ iteration: 0, warmup: false, startNs: 0, endNs: 1000 }] }
  return stepCells(builder.timeline(record), record, plan)
}

const imbalance = (cells: readonly StepCell[], step: number): number[] => cells.filter((cell) => cell.step === step).map(({ imbalanceUs }) => imbalanceUs)

test('idle of a step ends where the latest rank has computed, also where a fold follows the wait', () => {
  const cells = cellsOf({ pass: 'forward-backward' }, [
    [0, 3, 'compute', 0, 100], [0, 3, 'wait-peer', 100, 500], [0, 3, 'merge', 500, 520],
    [1, 3, 'compute', 0, 500], [1, 3, 'merge', 500, 510],
  ])
  expect(cells.map(({ rank, step }) => [rank, step])).toEqual([[0, 0], [0, 1], [0, 2], [0, 3], [1, 0], [1, 1], [1, 2], [1, 3]])
  expect(imbalance(cells, 3)).toEqual([0.4, 0])
  expect(cells[3]).toMatchObject({ computeUs: 0.12, waitPeerUs: 0.4 })
})

test('a rank without a block was done when it came to the step', () => {
  const cells = cellsOf({}, [[0, 0, 'compute', 0, 300], [1, 0, 'compute', 0, 200], [1, 1, 'compute', 200, 700]])
  expect(imbalance(cells, 0)).toEqual([0, 0.1])
  expect(imbalance(cells, 1)).toEqual([0.4, 0])
})

test('an all-to-all leaves nobody idle for another\'s compute, though ranks copy their own part in it', () => {
  const cells = cellsOf({ algorithm: 'ulysses' }, [
    [0, 0, 'merge', 0, 10], [0, 0, 'wait-link', 10, 400], [1, 0, 'merge', 0, 300], [1, 0, 'wait-link', 300, 400],
    [0, 1, 'compute', 400, 500], [1, 1, 'compute', 400, 600],
  ])
  expect(imbalance(cells, 0)).toEqual([0, 0])
  expect(imbalance(cells, 1)).toEqual([0.1, 0])
})
