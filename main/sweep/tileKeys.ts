import { z } from 'zod'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { digestOf } from './cellStore.ts'
import type { MeasuredCell } from './report.ts'

const finite = z.number()
/** A tile's cell as it is kept for later sweeps. */
export const measuredSchema: z.ZodType<MeasuredCell> = z.object({
  flops: finite, maxAbsError: finite, passed: z.boolean(), fastestMs: finite.positive(),
  spread: z.object({ medianMs: finite.positive(), madMs: finite.nonnegative(), repeats: z.int().min(1), noisy: z.boolean(), reused: z.boolean() }),
  counters: z.object({
    instructions: finite, cycles: finite, l1Misses: finite.nullable(), l2Misses: finite.nullable(), l3Misses: finite.nullable(),
  }).nullable(),
})

/** What the time of a cell depends on; beside machine and kernel, which have a file of their own. */
export function cellKey(config: RunConfig): string {
  const { algorithm, world, window, ulyssesDegree, ringSets, layout, cyclicWidth, mask, lookback, keyPadding, cuSeqlens } = config
  const { batch, seqLen, heads, kvHeads, headDim, pass, blockQ, blockK } = config
  return digestOf({
    algorithm, world, window, ulyssesDegree, ringSets, layout, cyclicWidth, mask, lookback, keyPadding, cuSeqlens,
    batch, seqLen, heads, kvHeads, headDim, pass, blockQ, blockK,
  })
}
