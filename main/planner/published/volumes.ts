import type { RunConfigInput } from '../../../kernels/config/runConfig.ts'
import { planRun } from '../../../kernels/plan/planRun.ts'
import type { Plan, StepPlan } from '../../../kernels/plan/plan.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import { answer, experiment } from './answer.ts'

const planOf = (fields: RunConfigInput): Plan => planRun(experiment(fields))

/** Bytes that the busiest rank sends forward. */
const sentBytes = ({ traffic }: Plan): number =>
  traffic.filter(({ pass }) => pass === 'forward').reduce((sum, { hops, bytesPerHop }) => sum + hops * bytesPerHop, 0)

/** Ratio of query to key heads, ranks, and the ratio of bytes that the source states, N / (R + 1) rounded. */
const RING_OVER_ULYSSES = [[1, 4, 2], [1, 8, 4], [4, 4, 0.8], [4, 8, 1.6], [8, 4, 0.44], [8, 8, 0.89], [8, 16, 1.78]] as const

const ringOverUlysses = (): PublishedAnswer[] => RING_OVER_ULYSSES.map(([ratio, ranks, published]) => {
  // Enough key heads that Ulysses need not copy them.
  const shape = { world: ranks, seqLen: ranks * 64, heads: 16 * ratio, kvHeads: 16, headDim: 64 } as const
  return answer({
    source: 'vllm-project/vllm-omni issue 5315', reference: '2.7', what: `bytes of a ring over Ulysses, ${ratio} query heads per key head, ${ranks} ranks`, unit: 'x', kind: 'formula',
    published, ours: sentBytes(planOf({ ...shape, algorithm: 'ring' })) / sentBytes(planOf({ ...shape, algorithm: 'ulysses' })),
    note: 'from the moves of both plans; theirs is N / (R + 1), rounded',
  })
})

/** Share of a received block's keys that a step attends to. */
const usedShare = ({ kind }: StepPlan, tokens: number): number =>
  kind === 'skip' ? 0 : kind === 'first-half-kv' ? 0.5 : kind === 'strict-triangle' ? (tokens - 1) / tokens : 1

/** Percent of the received K/V rows that nothing attends to where they arrive. */
function redundantPercent(fields: RunConfigInput): number {
  const plan = planOf(fields)
  let [received, used] = [0, 0]
  for (const { steps } of plan.ranks) {
    for (const step of steps.slice(1)) {
      received++
      used += usedShare(step, plan.shardTokens)
    }
  }
  return 100 * (1 - used / received)
}

const REDUNDANT = [['zigzag', 25], ['contiguous', 50], ['striped', 0]] as const

const redundant = (): PublishedAnswer[] => REDUNDANT.map(([layout, published]) => answer({
  source: layout === 'zigzag' ? 'MagiAttention, blog on distributed attention' : 'reference, from the mask of every step', reference: layout === 'zigzag' ? '1.13' : '2.7',
  what: `K/V that a causal ${layout} ring sends for nothing, 8 ranks`, unit: '%', kind: 'formula',
  published, ours: redundantPercent({ world: 8, layout, seqLen: 8 * 1024, heads: 1, headDim: 64 }),
  note: layout === 'striped' ? 'one key of a shard where it comes from a later rank' : 'at any number of ranks',
}))

/** What a backward pass that sends queries saves over one that sends K/V and its gradient. */
function burst(): PublishedAnswer {
  const { traffic, shardTokens } = planOf({ world: 8, seqLen: 8 * 1024, heads: 32, headDim: 128, pass: 'forward-backward' })
  const ringBytes = traffic.filter(({ pass }) => pass === 'backward').reduce((sum, { bytesPerHop }) => sum + bytesPerHop, 0)
  const tensors = 3 * shardTokens * 32 * 128 * 4
  return answer({
    source: 'BurstAttention', reference: '1.11', what: 'bytes saved backward by sending Q, dO and dQ for K, V, dK and dV, equal heads', unit: '%', kind: 'formula',
    published: 25, ours: 100 * (1 - tensors / ringBytes), note: 'the log-sum-exps that go along are not counted by either; with grouped queries it costs more than the ring',
  })
}

/** What attention-only theory gives for the gain of a balanced schedule. */
const gain = (fields: Omit<RunConfigInput, 'world' | 'seqLen' | 'heads' | 'headDim'>, world: number): number => {
  const shape = { world, seqLen: world * 4096, heads: 1, headDim: 64 } as const
  return planOf({ ...shape, layout: 'contiguous' }).makespanPairs / planOf({ ...shape, ...fields }).makespanPairs
}

const balanced = (): PublishedAnswer[] => [
  answer({
    source: 'DistFlashAttention (LightSeq), abstract', reference: '1.10', what: 'over ring attention', unit: 'x', kind: 'measured',
    published: 1.67, ours: gain({ algorithm: 'distflash', layout: 'contiguous' }, 8),
    note: 'theirs is end to end; ours attention alone, 8 ranks, communication free: (N - 1/2) / (N/2 + 1/2)',
  }),
  answer({
    source: 'mlc-ai/pith-train pull request 39', reference: '1.14', what: 'theoretical gain of a balanced layout on 4 ranks', unit: 'x', kind: 'formula',
    published: 1.75, ours: gain({ layout: 'zigzag' }, 4), note: '2 - 1/N',
  }),
]

/** What follows from plans alone: bytes, what they are sent for, and gains with free communication. */
export const volumeAnswers = (): PublishedAnswer[] => [...ringOverUlysses(), ...redundant(), burst(), ...balanced()]
