import type { RunConfig } from '../../../kernels/config/runConfig.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { simulateFigures } from '../../simulator/simulateFigures.ts'
import { answer, experiment } from './answer.ts'
import { calibratedA100 } from './zhuzilin.ts'

const SOURCE = 'feifeibear/long-context-attention, 8 A100 with NVLink, forward, batch 2, 128k tokens'
/** Heads of zhuzilin's benchmark, on which the machine is calibrated: what merging a row costs is in proportion. */
const CALIBRATED_HEAD_DIM = 128

type Arrangement = Pick<RunConfig, 'algorithm' | 'layout'> & Partial<Pick<RunConfig, 'ulyssesDegree'>>

const RING = { algorithm: 'ring', layout: 'contiguous' } as const
const ZIGZAG = { algorithm: 'ring', layout: 'zigzag' } as const
const STRIPED = { algorithm: 'ring', layout: 'striped' } as const
const ULYSSES = { algorithm: 'ulysses', layout: 'contiguous' } as const
const HYBRID = { algorithm: 'hybrid', ulyssesDegree: 4, layout: 'zigzag' } as const

/** Heads, their dimension, and of two arrangements the iterations a second that the benchmark's chart says. */
const RATIOS: readonly (readonly [heads: number, headDim: number, what: string, fast: readonly [Arrangement, number], slow: readonly [Arrangement, number]])[] = [
  [32, 32, 'zigzag over contiguous ring', [ZIGZAG, 12.45], [RING, 7.92]],
  [32, 32, 'stripe over contiguous ring', [STRIPED, 12.61], [RING, 7.92]],
  [8, 128, 'zigzag over contiguous ring', [ZIGZAG, 17.78], [RING, 11.33]],
  [8, 128, 'stripe over contiguous ring', [STRIPED, 17.06], [RING, 11.33]],
  [8, 128, 'Ulysses over zigzag ring', [ULYSSES, 20.98], [ZIGZAG, 17.78]],
  [8, 128, 'Ulysses 4 x zigzag ring 2 over zigzag ring', [HYBRID, 21.46], [ZIGZAG, 17.78]],
]

/** Ratios of arrangements, with the machine as zhuzilin's benchmark calibrates it: nothing is fitted here. */
export function yunchangAnswers(): PublishedAnswer[] {
  const calibrated = calibratedA100()
  return RATIOS.map(([heads, headDim, what, [fast, fastRate], [slow, slowRate]]) => {
    const cluster: ClusterModel = { ...calibrated, device: { ...calibrated.device, rowNs: (calibrated.device.rowNs * headDim) / CALIBRATED_HEAD_DIM } }
    const ms = (arrangement: Arrangement): number =>
      simulateFigures(experiment({ world: 8, seqLen: 128 * 1024, batch: 2, heads, headDim, wireDtype: 'bfloat16', ...arrangement }), cluster).makespanMs
    return answer({
      source: SOURCE, reference: '1.7', what: `${heads} heads of ${headDim}: ${what}`, unit: 'x', kind: 'measured',
      published: fastRate / slowRate, ours: ms(slow) / ms(fast), note: 'the machine as calibrated on zhuzilin\'s benchmark; as many key as query heads, assumed',
    })
  })
}
