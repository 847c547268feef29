import type { RunConfig } from '../../../kernels/config/runConfig.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { simulateFigures } from '../../simulator/simulateFigures.ts'
import { memoryAnswers } from '../questions/deviceMemory.ts'
import { neededGBps } from '../questions/hiding.ts'
import { MODELS } from '../tables/models.ts'
import { answer, experiment } from './answer.ts'

const SOURCE = 'a source document'
const REFERENCE = '3, seed checks'
const claim = (facts: Pick<PublishedAnswer, 'what' | 'unit' | 'published' | 'ours' | 'note'>): PublishedAnswer =>
  answer({ source: SOURCE, reference: REFERENCE, kind: 'claim', ...facts })

/** 8 A100 at their data sheet's rate, NVLink; bf16. */
const cluster: ClusterModel = {
  label: '8 x A100, data-sheet rates',
  device: { forwardGflops: 312_000, backwardGflops: 312_000, blockOverheadUs: 0, rowNs: 0, tile: null, memoryBytes: null },
  elementBytes: { kv: 2, query: 2, gradient: 4 }, intra: { bandwidthGBps: 300, latencyUs: 0 }, inter: null, ranksPerNode: null,
}

/** Hidden size 4096 on 8 devices, all pairs. */
const problem = (fields: Partial<RunConfig> & Pick<RunConfig, 'seqLen'>): RunConfig =>
  experiment({ world: 8, layout: 'contiguous', mask: 'full', heads: 32, headDim: 128, wireDtype: 'bfloat16', ...fields })

/** Rate of operations per device of a simulated ring, over the device's own: what the ring costs in utilisation. */
function utilisation(config: RunConfig): number {
  const { ranks, makespanMs } = simulateFigures(config, cluster)
  return ranks.reduce((sum, { computeMs }) => sum + computeMs, 0) / (ranks.length * makespanMs)
}

/** Longest context of a 7B model trained in full precision whose weights are sharded over 8 devices, each with its own sequence. */
function contextWithoutRing(): number {
  const sizes = MODELS.find(({ id }) => id === 'llama2-7b')?.sizes
  if (sizes === undefined) throw new Error('the tables miss Llama 2 7B')
  const held = { ...cluster, device: { ...cluster.device, memoryBytes: 80e9 }, elementBytes: { kv: 4, query: 4, gradient: 4 } }
  const model = { ...sizes, weightShards: 8, elementBytes: 4, trainingBytesPerWeight: 12 }
  const ring = memoryAnswers(problem({ seqLen: 8 * 1024 }), held, model).find(({ devices }) => devices === 8)?.longestContextTokens
  return Math.floor((ring ?? 0) / 8)
}

/** Claims of source documents that depart from the papers they describe, beside what we compute. */
export function claimAnswers(): PublishedAnswer[] {
  const million = problem({ seqLen: 1_000_000 })
  const long = problem({ seqLen: 256 * 1024 })
  const slowed = simulateFigures({ ...long, overlap: false }, cluster).makespanMs / simulateFigures(long, cluster).makespanMs
  return [
    claim({
      what: '1M tokens, hidden 4096, 8 devices: bandwidth that hides the wire', unit: 'GB/s', published: 150, ours: neededGBps(million, cluster, 'forward', 125_000),
      note: 'at 312 TFLOP/s, all pairs; twice that where a balanced causal layout halves a step\'s compute. The claim is some 60 times too high: InfiniBand and PCIe suffice',
    }),
    claim({
      what: 'utilisation of ring attention over that of one device, 7B on 8 A100, 256k tokens', unit: 'x', published: 240 / 28, ours: utilisation(long),
      note: 'a ring cannot raise a device\'s utilisation; the paper\'s chart has it fall from 33.2 % to 32.5 %',
    }),
    claim({
      what: 'slow-down without overlap', unit: '%', published: 45, ours: 100 * (slowed - 1),
      note: '7B-sized heads on 8 A100 with NVLink, 256k tokens, data-sheet rates; the paper has no such ablation, and the claim names no machine',
    }),
    claim({
      what: '7B on 8 A100: context without a ring', unit: 'tokens', published: 128 * 1024, ours: contextWithoutRing(),
      note: 'ours by the memory formulas in full precision, weights sharded over the 8; the paper\'s table 3 has 32k, and 256k with the ring: the claim\'s factor of 8 is right, its lengths are four times the paper\'s',
    }),
  ]
}
