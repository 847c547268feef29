import type { ModelSizes, PlannerTables } from '../../../preload/contract/planner.ts'

/** Weights, gradients and Adam in mixed precision beside 16-bit weights: 2 + 4 + 4 + 4 + 2 bytes. */
const ADAM_BYTES = 16

type Shape = Pick<ModelSizes, 'layers' | 'hidden' | 'heads' | 'kvHeads' | 'ffnHidden' | 'vocabulary' | 'weightShards'> & Partial<ModelSizes>

const model = (id: string, label: string, shape: Shape): PlannerTables['models'][number] => ({
  id, source: 'published model configuration, not checked',
  sizes: { label, headDim: 128, elementBytes: 2, trainingBytesPerWeight: ADAM_BYTES, recompute: 'full', ...shape },
})

/** Transformers whose training is planned; each shards its weights over as many devices as it takes to hold them in a quarter of 80 GB. */
export const MODELS: PlannerTables['models'] = [
  model('llama3-8b', 'Llama 3 8B', { layers: 32, hidden: 4096, heads: 32, kvHeads: 8, ffnHidden: 14_336, vocabulary: 128_256, weightShards: 8 }),
  model('llama3-70b', 'Llama 3 70B', { layers: 80, hidden: 8192, heads: 64, kvHeads: 8, ffnHidden: 28_672, vocabulary: 128_256, weightShards: 64 }),
  model('llama3-405b', 'Llama 3 405B', { layers: 126, hidden: 16_384, heads: 128, kvHeads: 8, ffnHidden: 53_248, vocabulary: 128_256, weightShards: 512 }),
  model('llama2-7b', 'Llama 2 7B', { layers: 32, hidden: 4096, heads: 32, kvHeads: 32, ffnHidden: 11_008, vocabulary: 32_000, weightShards: 8 }),
  model('llama2-13b', 'Llama 2 13B', { layers: 40, hidden: 5120, heads: 40, kvHeads: 40, ffnHidden: 13_824, vocabulary: 32_000, weightShards: 16 }),
  model('qwen3-30b-a3b', 'Qwen3 30B-A3B', {
    layers: 48, hidden: 2048, heads: 32, kvHeads: 4, ffnHidden: 128 * 768, ffnActiveHidden: 8 * 768, vocabulary: 151_936, weightShards: 32,
  }),
  model('gpt3-175b', 'GPT-3 175B', {
    layers: 96, hidden: 12_288, heads: 96, kvHeads: 96, ffnHidden: 49_152, ffnMatrices: 2, vocabulary: 50_257, weightShards: 256,
  }),
]
