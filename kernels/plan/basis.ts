import type { RunConfig, WireDtype } from '../config/runConfig.ts'
import type { Payload } from '../timeline/categories.ts'
import { blockClasses, type BlockClasses, oncePerClass } from './blockClasses.ts'
import { positionShards, type PositionRun, rowsBelow, type TokenLayout, tokenLayout } from './layout.ts'
import { distinctItems } from './mask.ts'
import { pairCounter } from './pairs.ts'
import type { StepKind, StepPass } from './plan.ts'

const BYTES_PER_FLOAT32 = 4
const BYTES_OF: Readonly<Record<WireDtype, number>> = { float32: 4, bfloat16: 2 }

/** Bytes of an element on the wire: of K/V, of queries and outputs, of gradients. */
export interface ElementBytes {
  readonly kv: number
  readonly query: number
  readonly gradient: number
}

/** What the executor sends: K/V in the config's `wireDtype`, all else in float32. */
export const elementBytesOf = ({ wireDtype }: Pick<RunConfig, 'wireDtype'>): ElementBytes =>
  ({ kv: BYTES_OF[wireDtype], query: BYTES_PER_FLOAT32, gradient: BYTES_PER_FLOAT32 })

/** What every planner starts from: who sits where, how many pairs each block has, how large what travels is. */
export interface PlanBasis extends TokenLayout {
  readonly config: RunConfig
  /** Rows of every ring position. */
  readonly shards: readonly (readonly PositionRun[])[]
  /** Batch items that a count of pairs stands for; `Plan.pairItems`. */
  readonly pairItems: number
  /** Which blocks of a set have equal counts. */
  classes(set: number): BlockClasses
  /** Pairs of the queries of one ring position with the keys of another, in a set. */
  pairs(set: number, query: number, key: number): number
  kind(set: number, query: number, key: number): StepKind
  bytes(payload: Payload, pass: StepPass): number
}

/** True where a mask can leave whole blocks out wherever they are, so that a schedule may end early. */
export const maskMayEndEarly = ({ lookback, cuSeqlens, keyPadding }: RunConfig): boolean =>
  lookback !== null || cuSeqlens !== null || keyPadding !== null

export function planBasis(config: RunConfig, elementBytes: ElementBytes = elementBytesOf(config)): PlanBasis {
  const layout = tokenLayout(config)
  const shards = positionShards(config)
  const { geometry } = layout
  const pairItems = config.keyPadding === null ? 1 : geometry.batch
  const realTokens = shards.map((runs) => rowsBelow(runs, config.seqLen))
  const causalPairs = pairCounter({ ...config, lookback: null, cuSeqlens: null, keyPadding: null }, shards, [0])

  // One for all sets, or one for each where their items differ.
  const sets = Array.from({ length: config.keyPadding === null ? 1 : geometry.ringSets }, (_, set) => {
    const items = distinctItems(config, set * geometry.batch, geometry.batch)
    const classes = blockClasses(config, shards, items)
    const pairs = oncePerClass(classes, pairCounter(config, shards, items))
    const kinds: (StepKind | undefined)[] = []
    const kind = (query: number, key: number): StepKind => {
      const count = pairs(query, key)
      if (count === 0) return 'skip'
      if (count === realTokens[query] * realTokens[key] * pairItems) return 'full'
      // What a causal mask leaves of a block is a subset of causal pairs; as many of a full mask would be other ones.
      return config.mask === 'causal' && count === causalPairs(query, key) * pairItems ? causalKind(config, query, key) : 'partial'
    }
    return { classes, pairs, kind: (query: number, key: number): StepKind => kinds[classes.of(query, key)] ??= kind(query, key) }
  })
  const ofSet = (set: number): (typeof sets)[number] => sets[sets.length === 1 ? 0 : set]

  return {
    ...layout, config, shards, pairItems,
    classes: (set) => ofSet(set).classes,
    pairs: (set, query, key) => ofSet(set).pairs(query, key),
    kind: (set, query, key) => ofSet(set).kind(query, key),
    bytes: (payload, pass) => payloadBytes(config, elementBytes, layout, payload, pass),
  }
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

/**
 * Bytes of a block on the wire; reference section 2.7. Delta and lse, one number a row and head, are float32 whatever the
 * other elements are.
 */
function payloadBytes({ heads, kvHeads, headDim }: RunConfig, element: ElementBytes, { geometry: { batch, degree }, computeTokens, shardTokens }: TokenLayout,
  payload: Payload, pass: StepPass): number {
  const rows = (tokens: number): number => batch * (heads / degree) * tokens
  const query = (tokens: number): number => rows(tokens) * headDim
  const keys = (tokens: number): number => 2 * batch * kvHeadsPerRank(kvHeads, degree) * tokens * headDim
  const lse = rows(computeTokens) * BYTES_PER_FLOAT32
  switch (payload) {
    case 'kv': return keys(computeTokens) * element.kv
    case 'dkv': return keys(computeTokens) * element.gradient
    case 'query': return pass === 'forward' ? query(computeTokens) * element.query : query(computeTokens) * (element.query + element.gradient) + 2 * lse
    case 'partial': return query(computeTokens) * element.query + lse
    case 'dq': return query(computeTokens) * element.gradient
    case 'qkv': return query(shardTokens) * element.query + keys(shardTokens) * element.kv
    case 'out': return query(shardTokens) * element.query
    case 'dout': return query(shardTokens) * element.gradient
    case 'dqkv': return (query(shardTokens) + keys(shardTokens)) * element.gradient
  }
}
