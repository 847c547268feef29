import type { RunConfig, WireDtype } from '../config/runConfig.ts'
import type { Payload } from '../timeline/categories.ts'
import { positionShards, type PositionRun, type TokenLayout, tokenLayout, tokensOfRuns, clipRun } from './layout.ts'
import { distinctItems } from './mask.ts'
import { pairCounter } from './pairs.ts'
import type { StepKind, StepPass } from './plan.ts'

const BYTES_PER_FLOAT32 = 4
const BYTES_OF: Readonly<Record<WireDtype, number>> = { float32: 4, bfloat16: 2 }

/** What every planner starts from: who sits where, how many pairs each block has, how large what travels is. */
export interface PlanBasis extends TokenLayout {
  readonly config: RunConfig
  /** Rows of every ring position. */
  readonly shards: readonly (readonly PositionRun[])[]
  /** Batch items that a count of pairs stands for; `Plan.pairItems`. */
  readonly pairItems: number
  /** Pairs of the queries of one ring position with the keys of another, in a set. */
  pairs(set: number, query: number, key: number): number
  kind(set: number, query: number, key: number): StepKind
  bytes(payload: Payload, pass: StepPass): number
}

/** True where a mask can leave whole blocks out wherever they are, so that a schedule may end early. */
export const maskMayEndEarly = ({ lookback, cuSeqlens, keyPadding }: RunConfig): boolean =>
  lookback !== null || cuSeqlens !== null || keyPadding !== null

export function planBasis(config: RunConfig): PlanBasis {
  const layout = tokenLayout(config)
  const shards = positionShards(config)
  const { geometry } = layout
  const pairItems = config.keyPadding === null ? 1 : geometry.batch
  const tables = pairTables(config, layout, shards)
  const tableOf = (set: number): Float64Array => tables[tables.length === 1 ? 0 : set]
  const pairs = (set: number, query: number, key: number): number => tableOf(set)[query * geometry.ringSize + key]

  const realTokens = shards.map((runs) => {
    const real: PositionRun[] = []
    for (const run of runs) clipRun(run, 0, config.seqLen, real)
    return tokensOfRuns(real)
  })
  const causalPairs = pairCounter({ ...config, lookback: null, cuSeqlens: null, keyPadding: null }, shards, [0])

  return {
    ...layout, config, shards, pairItems, pairs,
    kind(set, query, key) {
      const count = pairs(set, query, key)
      if (count === 0) return 'skip'
      if (count === realTokens[query] * realTokens[key] * pairItems) return 'full'
      // What a causal mask leaves of a block is a subset of causal pairs; as many of a full mask would be other ones.
      return config.mask === 'causal' && count === causalPairs(query, key) * pairItems ? causalKind(config, query, key) : 'partial'
    },
    bytes: (payload, pass) => payloadBytes(config, layout, payload, pass),
  }
}

/** Pairs of every (query, key) pair of ring positions: one table for all sets, or one for each where their items differ. */
function pairTables(config: RunConfig, { geometry }: TokenLayout, shards: PlanBasis['shards']): Float64Array[] {
  const { ringSets, ringSize, batch } = geometry
  return Array.from({ length: config.keyPadding === null ? 1 : ringSets }, (_, set) => {
    const count = pairCounter(config, shards, distinctItems(config, set * batch, batch))
    const table = new Float64Array(ringSize * ringSize)
    for (let query = 0; query < ringSize; query++) {
      for (let key = 0; key < ringSize; key++) table[query * ringSize + key] = count(query, key)
    }
    return table
  })
}

/** The part of a block that a plain causal mask leaves, where that is neither nothing nor all; reference section 2.4. */
function causalKind({ layout }: RunConfig, query: number, key: number): StepKind {
  if (query === key) return 'diagonal'
  const keysBefore = key < query
  switch (layout) {
    case 'striped': return keysBefore ? 'triangle' : 'strict-triangle'
    case 'zigzag': return keysBefore ? 'first-half-kv' : 'second-half-q'
    default: return 'partial'
  }
}

/** Key/value heads that a rank computes: where more members share a position than there are heads, each has one. */
export const kvHeadsPerRank = (kvHeads: number, degree: number): number => Math.max(1, kvHeads / degree)

/** Bytes of a block on the wire; reference section 2.7. */
function payloadBytes(config: RunConfig, { geometry: { batch, degree }, computeTokens, shardTokens }: TokenLayout,
  payload: Payload, pass: StepPass): number {
  const { headDim, wireDtype } = config
  const heads = config.heads / degree
  const rows = (tokens: number): number => batch * heads * tokens
  const floats = (elements: number): number => elements * BYTES_PER_FLOAT32
  const query = (tokens: number): number => floats(rows(tokens) * headDim)
  const keyElements = (tokens: number): number => 2 * batch * kvHeadsPerRank(config.kvHeads, degree) * tokens * headDim
  const kv = (tokens: number): number => keyElements(tokens) * BYTES_OF[wireDtype]
  switch (payload) {
    case 'kv': return kv(computeTokens)
    case 'dkv': return floats(keyElements(computeTokens))
    case 'query': return pass === 'forward' ? query(computeTokens) : 2 * query(computeTokens) + 2 * floats(rows(computeTokens))
    case 'partial': return query(computeTokens) + floats(rows(computeTokens))
    case 'dq': return query(computeTokens)
    case 'qkv': return query(shardTokens) + kv(shardTokens)
    case 'out':
    case 'dout': return query(shardTokens)
    case 'dqkv': return query(shardTokens) + floats(keyElements(shardTokens))
  }
}
