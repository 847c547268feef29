import { LAYOUTS, parseRunConfig, type RunConfig, type RunConfigInput } from '../../config/runConfig.ts'

/** A config for tests, complete. */
export const testConfig = (fields: Partial<RunConfigInput> & { world: number; seqLen: number }): RunConfig =>
  parseRunConfig({ heads: 8, headDim: 4, ...fields }, 'test config')

const divisors = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1).filter((part) => n % part === 0)

type Fields = Partial<RunConfigInput>

/** Every way to arrange `world` ranks: algorithms with each window, Ulysses degree and number of ring sets that fits. */
export function algorithmCases(world: number): Fields[] {
  return divisors(world).filter((ringSets) => ringSets <= 2).flatMap((ringSets): Fields[] => {
    const members = world / ringSets
    const sets: Fields = { ringSets, batch: 2 * ringSets }
    return [
      { ...sets, algorithm: 'ring' },
      { ...sets, algorithm: 'distflash', layout: 'contiguous' },
      ...divisors(members).map((window): Fields => ({ ...sets, algorithm: 'double-ring', window })),
      { ...sets, algorithm: 'ulysses', heads: 2 * members, kvHeads: members },
      ...divisors(members).map((ulyssesDegree): Fields =>
        ({ ...sets, algorithm: 'hybrid', ulyssesDegree, heads: 2 * ulyssesDegree, kvHeads: 1 })),
    ]
  })
}

/** Every kind of mask for sequences of `seqLen` tokens, alone and together. */
export function maskCases(seqLen: number, batch: number): Fields[] {
  const keyPadding = Array.from({ length: batch }, (_, item) => (item * 5 + seqLen - 3 + 4 * seqLen) % (seqLen + 1))
  const cuts = [1, Math.floor(seqLen / 3), Math.floor(seqLen / 2) + 1].filter((cut) => cut < seqLen)
  const cuSeqlens = [...new Set([0, ...cuts, seqLen])].toSorted((a, b) => a - b)
  return [
    { mask: 'causal' }, { mask: 'full' }, { lookback: 0 }, { lookback: 3 }, { lookback: seqLen },
    { keyPadding }, { keyPadding: keyPadding.map(() => 0) }, { mask: 'full', keyPadding },
    { cuSeqlens }, { mask: 'full', cuSeqlens }, { lookback: 2, cuSeqlens, keyPadding },
  ]
}

export const layoutCases: readonly Fields[] =
  LAYOUTS.flatMap((layout): Fields[] => (layout === 'block-cyclic' ? [{ layout, cyclicWidth: 1 }, { layout, cyclicWidth: 3 }] : [{ layout }]))

/** The product of the above for one world. */
export function* planCases(world: number, seqLens: readonly number[]): Generator<RunConfig> {
  for (const algorithm of algorithmCases(world)) {
    for (const layout of algorithm.algorithm === 'distflash' ? [{}] : layoutCases) {
      for (const seqLen of seqLens) {
        for (const mask of maskCases(seqLen, algorithm.batch ?? 1)) {
          if (algorithm.algorithm === 'distflash' && mask.mask === 'full') continue
          yield testConfig({ ...algorithm, ...layout, ...mask, world, seqLen })
        }
      }
    }
  }
}

const TELLING: readonly (keyof RunConfig)[] = ['world', 'algorithm', 'window', 'ulyssesDegree', 'ringSets', 'layout', 'cyclicWidth',
  'mask', 'lookback', 'keyPadding', 'cuSeqlens', 'seqLen', 'overlap', 'pass']

/** The fields that tell a case apart, for messages. */
export const describeCase = (config: RunConfig): string => JSON.stringify(config, [...TELLING])

/** The rule that every mask is checked against, written without any of the code under test. */
export function mayAttend({ mask, seqLen, lookback, keyPadding, cuSeqlens }: RunConfig, item: number, query: number, key: number): boolean {
  if (query >= seqLen || key >= seqLen) return false
  if (mask === 'causal' && key > query) return false
  if (lookback !== null && query - key > lookback) return false
  if (keyPadding !== null && key >= keyPadding[item]) return false
  return cuSeqlens === null || !cuSeqlens.some((cut) => (query < cut) !== (key < cut))
}
