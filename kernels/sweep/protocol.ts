import { z } from 'zod'
import { BACKENDS } from '../config/runConfig.ts'

/** A tile of the sweep: blockQ query rows by blockK key rows. */
export interface Tile {
  readonly blockQ: number
  readonly blockK: number
}

const cell = z.int().min(0)

/** The first message to the measuring process. */
const prepare = z.object({
  kind: z.literal('prepare'),
  backend: z.enum(BACKENDS).exclude(['auto', 'modelled']),
  kernelsDir: z.string(),
  /** The config of every cell, its tile in it; checked by their own schema. */
  configs: z.array(z.unknown()).min(1),
  /** Small configs whose times tell the cost of a dispatch and of arithmetic. */
  probes: z.array(z.unknown()),
})

/** What the measuring process is asked, one thing at a time. */
export const sweepRequest = z.discriminatedUnion('kind', [
  prepare,
  /** Warms a cell up and compares its output with float64. */
  z.object({ kind: z.literal('check'), cell }),
  z.object({ kind: z.literal('measure'), cell }),
])
export type SweepRequest = z.output<typeof sweepRequest>
export type PrepareRequest = z.output<typeof prepare>

/** What the measuring process answers. `cell` is an index into the request's configs. */
export const sweepMessage = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ready'), device: z.string(),
    /** Work of one measurement of each cell. */
    flops: z.array(z.number()),
    /** Of each probe. */
    probeNs: z.array(z.number().nonnegative()),
  }),
  z.object({
    kind: z.literal('checked'), cell, maxAbsError: z.number(),
    /** Null without a backward pass. */
    maxAbsGradError: z.number().nullable(),
  }),
  /** Of one pass: the mean where passes are so short that several were timed together. */
  z.object({ kind: z.literal('measured'), cell, durationNs: z.number().nonnegative() }),
  z.object({ kind: z.literal('failed'), error: z.string(), message: z.string() }),
])
export type SweepMessage = z.output<typeof sweepMessage>
