import type { Pass, RunConfig } from '../../../kernels/config/runConfig.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import { BLOCK_OVERHEAD_US } from '../../../preload/contract/clusterOf.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { simulateFigures } from '../../simulator/simulateFigures.ts'
import { ACCELERATORS } from '../tables/accelerators.ts'
import { LINKS } from '../tables/links.ts'
import { answer, experiment } from './answer.ts'
import { fitIncreasing } from './fit.ts'

const SOURCE = 'mlc-ai/pith-train pull request 39, Qwen3-30B-A3B, cp 4, 32k tokens, one layer'
const REFERENCE = '1.14'

/** ms, from the pull request's description. The kernels named there (FlashAttention-4) and the rate they reach are a B200's. */
const NAIVE = { forward: 4.14, backward: 9.72, total: 13.87 } as const
const ZIGZAG = { forward: 2.47, backward: 5.83, total: 8.3 } as const
/** Share of an early rank's time that it waits, in the naive ring. */
const EARLY_WAIT_PERCENT = 83.1

const problem = (fields: Pick<RunConfig, 'layout' | 'overlap'>, pass: Pass): RunConfig => experiment({
  world: 4, seqLen: 32_768, heads: 32, kvHeads: 4, headDim: 128, pass, wireDtype: 'bfloat16', ...fields,
})
const naive = (pass: Pass): RunConfig => problem({ layout: 'contiguous', overlap: false }, pass)
const zigzag = (pass: Pass): RunConfig => problem({ layout: 'zigzag', overlap: true }, pass)

const HEAD_DIM = 128
/** Of a compiled merge, per element: the accumulator read and written in float32, the block's output read in bfloat16. */
const COMPILED_MERGE_BYTES = 4 + 4 + 2

/** A B200 whose kernels reach these rates, GFLOP/s; merging waits for memory. */
function machine(forwardGflops: number, backwardGflops: number): ClusterModel {
  const accelerator = ACCELERATORS.find(({ id }) => id === 'b200')
  const link = LINKS.find(({ id }) => id === 'nvlink5')
  if (accelerator === undefined || link === undefined) throw new Error('the tables miss the B200 or its link')
  return {
    label: '4 x B200',
    device: {
      forwardGflops, backwardGflops, blockOverheadUs: BLOCK_OVERHEAD_US, rowNs: (COMPILED_MERGE_BYTES * HEAD_DIM) / accelerator.memoryGBps,
      tile: { blockQ: 128, blockK: 128 }, memoryBytes: accelerator.memoryGB * 1e9,
    },
    elementBytes: { kv: 2, query: 2, gradient: 4 },
    intra: { bandwidthGBps: link.bandwidthGBps, latencyUs: link.latencyUs }, inter: null, ranksPerNode: null,
  }
}

/** Rates fitted so that the balanced ring takes as long as published, pass by pass; the naive ring is then predicted. */
export function calibratedMachine(): ClusterModel {
  const [LEAST_GFLOPS, MOST_GFLOPS] = [1e5, 1e7]
  const forward = fitIncreasing((gflops) => -simulateFigures(zigzag('forward'), machine(gflops, gflops)).makespanMs,
    -ZIGZAG.forward, LEAST_GFLOPS, MOST_GFLOPS)
  const backward = fitIncreasing((gflops) => -simulateFigures(zigzag('forward-backward'), machine(forward, gflops)).makespanMs,
    -ZIGZAG.total, LEAST_GFLOPS, MOST_GFLOPS)
  return machine(forward, backward)
}

/** One layer's attention before and after balance and overlap. */
export function pithTrainAnswers(): PublishedAnswer[] {
  const cluster = calibratedMachine()
  const ms = (config: RunConfig): number => simulateFigures(config, cluster).makespanMs
  const whole = simulateFigures(naive('forward-backward'), cluster)
  const [after, afterForward] = [ms(zigzag('forward-backward')), ms(zigzag('forward'))]
  const [before, beforeForward] = [whole.makespanMs, ms(naive('forward'))]
  const of = (what: string, unit: 'ms' | 'x' | '%', published: number, ours: number, note: string, role?: 'calibration'): PublishedAnswer =>
    answer({ source: SOURCE, reference: REFERENCE, kind: 'measured', what, unit, published, ours, note, ...(role === undefined ? {} : { role }) })
  const predicted = 'rates fitted on the balanced ring, nothing on the naive one'
  return [
    of('zigzag with overlap, forward', 'ms', ZIGZAG.forward, afterForward, 'fits the forward rate', 'calibration'),
    of('zigzag with overlap, forward and backward', 'ms', ZIGZAG.total, after, 'fits the backward rate', 'calibration'),
    of('naive ring, forward', 'ms', NAIVE.forward, beforeForward, predicted),
    of('naive ring, forward and backward', 'ms', NAIVE.total, before, predicted),
    of('naive to zigzag with overlap', 'x', NAIVE.total / ZIGZAG.total, before / after,
      `${predicted}; theory of attention alone is 2 - 1/4 = 1.75`),
    of('waiting of the first rank of the naive ring', '%', EARLY_WAIT_PERCENT,
      100 * (1 - whole.ranks[0].computeMs / whole.makespanMs), 'theirs is of the stream that communicates, of "earlier ranks"; ours of rank 0'),
  ]
}
