import { z } from 'zod'
import { BACKENDS } from '../config/runConfig.ts'

/** A tile of the sweep: blockQ query rows by blockK key rows. */
const tile = z.object({ blockQ: z.int().min(1), blockK: z.int().min(1) })
export type Tile = z.output<typeof tile>

/** The one message to the measuring process. */
export const sweepRequest = z.object({
  kind: z.literal('start'),
  /** Checked by its own schema. */
  config: z.unknown(),
  backend: z.enum(BACKENDS).exclude(['auto', 'modelled']),
  kernelsDir: z.string(),
  tiles: z.array(tile).min(1),
  repeats: z.int().min(1),
})
export type SweepRequest = z.output<typeof sweepRequest>

/** What the measuring process says. `tile` is an index into the request's tiles. */
export const sweepMessage = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ready'), device: z.string(),
    /** Work of one measurement. */
    flops: z.number(),
  }),
  /** The tile's warm-up is done and its output was checked. */
  z.object({ kind: z.literal('checked'), tile: z.int().min(0), maxAbsError: z.number() }),
  z.object({ kind: z.literal('measured'), tile: z.int().min(0), durationNs: z.number().nonnegative() }),
  z.object({ kind: z.literal('done') }),
  z.object({ kind: z.literal('failed'), error: z.string(), message: z.string() }),
])
export type SweepMessage = z.output<typeof sweepMessage>
