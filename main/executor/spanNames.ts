import type { SpanCategory } from '../../kernels/timeline/categories.ts'

export interface SpanFactsForName {
  readonly category: SpanCategory
  readonly rank: number
  readonly world: number
  /** -1 outside a step. */
  readonly step: number
  /** -1 where there is none. */
  readonly peer: number
  /** NaN where there are none. */
  readonly flops: number
}

/** What a span of our own runs is called. A rank holds the K/V of rank (rank - step) mod world, and passes that on. */
export function spanName({ category, rank, world, step, peer, flops }: SpanFactsForName): string {
  const held = (rank - step + world) % world
  switch (category) {
    case 'compute':
      if (step < 0) return 'compute'
      return Number.isNaN(flops) ? 'straggler delay' : `step ${step} · KV of rank ${held}`
    case 'merge':
      return step < 0 ? 'finish output' : `merge step ${step}`
    case 'h2d':
      return step < 0 ? 'queries to device' : `KV of rank ${held} to device`
    case 'd2h':
      return step < 0 ? 'output to host' : `step ${step} to host`
    case 'send':
      return `send KV of rank ${held} → rank ${peer}`
    case 'recv':
      return `receive KV of rank ${(held + world - 1) % world} ← rank ${peer}`
    case 'wait-peer':
      return `wait for rank ${peer}`
    case 'wait-link':
      // The block that held a rank up may be the one it was receiving or the one it was still sending.
      return peer === (rank + world - 1) % world ? `wire from rank ${peer}` : `wire to rank ${peer}`
    default:
      return category
  }
}
