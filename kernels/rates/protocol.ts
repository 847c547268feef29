import { z } from 'zod'

const size = z.number().positive().nullable()

/** The one message to the process that measures what this machine can do. */
export const ratesRequest = z.strictObject({
  kind: z.literal('roofline'),
  kernelsDir: z.string(),
  caches: z.strictObject({ l1d: size, l2: size, l3: size }),
})
export type RatesRequest = z.output<typeof ratesRequest>

const level = z.strictObject({
  level: z.enum(['l1', 'l2', 'l3', 'memory']), bufferBytes: z.int().positive(), gbps: z.number().positive(),
})

/** What one core can do at most; {@link import('../../preload/contract/rates.ts')} says what the fields are. */
export const rooflineSchema = z.strictObject({
  peakGflops: z.number().positive(), levels: z.array(level), dispatchUs: z.number().nonnegative(), gexps: z.number().positive(), build: z.string(),
})
export type MeasuredRoofline = z.output<typeof rooflineSchema>

export const ratesMessage = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('roofline'), roofline: rooflineSchema }),
  z.strictObject({ kind: z.literal('failed'), message: z.string() }),
])
export type RatesMessage = z.output<typeof ratesMessage>
