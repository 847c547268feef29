import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { memoryAnswers } from '../questions/deviceMemory.ts'
import { minRingTokens } from '../questions/hiding.ts'
import { MODELS } from '../tables/models.ts'
import { answer, experiment } from './answer.ts'

const SOURCE = 'Liu, Zaharia, Abbeel 2023, "Ring Attention with Blockwise Transformers"'

/** Peak TFLOP/s, GB/s, and the least block and sequence of the paper's table 2, in thousands of tokens. */
const TABLE_2 = [
  ['A100, NVLink', 312, 300, 1, 6.2], ['A100, InfiniBand', 312, 12.5, 24.5, 149.5], ['TPU v3', 123, 112, 1.1, 6.6],
  ['TPU v4', 275, 268, 1, 6.2], ['TPU v5e', 196, 186, 1.1, 6.3],
] as const

/** bf16, as many key as query heads, every pair: the paper's case, where the condition is c >= F/B. */
const PAPER = experiment({ world: 8, layout: 'contiguous', mask: 'full', seqLen: 8 * 1024, heads: 32, headDim: 128, wireDtype: 'bfloat16' })

/** Data-sheet rates reached in full, as the paper reckons. */
const ideal = (peakTflops: number, bandwidthGBps: number): ClusterModel => ({
  label: 'data-sheet rates',
  device: { forwardGflops: peakTflops * 1000, backwardGflops: peakTflops * 1000, blockOverheadUs: 0, rowNs: 0, tile: null, memoryBytes: null },
  elementBytes: { kv: 2, query: 2, gradient: 4 }, intra: { bandwidthGBps, latencyUs: 0 }, inter: null, ranksPerNode: null,
})

const minimalLengths = (): PublishedAnswer[] => TABLE_2.flatMap(([label, peak, bandwidth, block, sequence]) => {
  const tokens = minRingTokens(PAPER, ideal(peak, bandwidth), 'forward', { bandwidthGBps: bandwidth, latencyUs: 0 })
  const of = (what: string, published: number, ours: number, note: string): PublishedAnswer =>
    answer({ source: `${SOURCE}, table 2`, reference: '3', what: `${label}: ${what}`, unit: 'tokens', kind: 'formula', published: published * 1000, ours, note })
  const differs = Math.abs(tokens - block * 1000) > 100 ? 'the paper\'s own F/B is 24 960 tokens; its table says 24.5 thousand' : 'theirs is rounded to hundreds'
  return [
    of('least block', block, tokens, differs),
    of('least sequence per device', sequence, 6 * tokens,
      'six blocks by their formula, a count of memory used as a length: what hides the wire is one block, c >= F/B'),
  ]
})

/** Devices of a row, of them those that are one ring, and the paper's context before and after in thousands of tokens (of 1024). */
const TABLE_3 = [
  ['7B on 8 A100', 8, 8, 32, 256], ['7B on 32 A100', 32, 32, 128, 4096], ['7B on 512 TPU v3', 512, 256, 8, 2048], ['7B on 1024 TPU v4', 1024, 512, 16, 8192],
] as const

/** How many times the context of one device a ring of the same memory per device holds. */
function contextGain(ring: number): number {
  const sizes = MODELS.find(({ id }) => id === 'llama2-7b')?.sizes
  if (sizes === undefined) throw new Error('the tables miss Llama 2 7B')
  // Weights are sharded as far in both cases: only the ring is new.
  const model = { ...sizes, weightShards: 1, trainingBytesPerWeight: 1 }
  const cluster = ideal(312, 300)
  const held = { ...cluster, device: { ...cluster.device, memoryBytes: 80e9 } }
  const longest = new Map(memoryAnswers({ ...PAPER, world: ring }, held, model).map(({ devices, longestContextTokens }) => [devices, longestContextTokens]))
  const [one, many] = [longest.get(2), longest.get(ring)]
  if (one === undefined || one === null || many === undefined || many === null) throw new Error(`no longest context of 2 and ${ring} devices`)
  return many / (one / 2)
}

const contextMultipliers = (): PublishedAnswer[] => TABLE_3.map(([what, devices, ring, before, after]) => answer({
  source: `${SOURCE}, table 3`, reference: '3', what: `${what}: longest context over one device's`, unit: 'x', kind: 'measured',
  published: after / before, ours: contextGain(ring),
  note: devices === ring ? 'all devices are one ring; nothing but a device\'s own share grows with the context'
    : `taken as rings of ${ring} with the devices in pairs, which the table's factor suggests and the paper's text was not checked for`,
}))

/** Least lengths that hide the wire (table 2), and how much longer contexts get (table 3). */
export const liuAnswers = (): PublishedAnswer[] => [...minimalLengths(), ...contextMultipliers()]
