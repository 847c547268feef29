import { z } from 'zod'
import { checkRunConfig, BACKENDS } from '../config/runConfig.ts'
import { formatProblem } from '../config/problem.ts'
import { PAYLOADS, RANK_LANES, SPAN_CATEGORIES } from '../timeline/categories.ts'
import type { SpanBatch } from '../timeline/recorder.ts'

/*
 * What a supervisor and its ranks say to each other. Each end parses what it gets once, here; K/V never takes this way.
 *
 *   rank                          supervisor
 *   hello                    -->
 *                            <--  setup
 *   listening (all)          -->
 *                            <--  connect
 *   connected (all)          -->
 *                            <--  clock-ping, answered by clock-pong, several times
 *   for every iteration:     <--  prepare
 *   ready (all)              -->
 *                            <--  iterate, with the common start time
 *   progress, spans          -->
 *   iteration-done (all)     -->
 *                            <--  clock-ping again, verify
 *   verified                 -->
 *                            <--  stop
 *   at any time: alive, failed -->
 */

const rank = z.int().min(0)
/** -1 outside iterations and steps. */
const place = z.int().min(-1)
const ns = z.number()

const config = z.unknown().transform((input, context) => {
  const checked = checkRunConfig(input)
  if (checked.config === null) {
    context.addIssue({ code: 'custom', message: checked.problems.map(formatProblem).join('; ') })
    return z.NEVER
  }
  return checked.config
})

const concreteBackend = z.enum(BACKENDS).exclude(['auto'])

export const toRankSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('setup'),
    rank,
    config,
    backend: concreteBackend,
    kernelsDir: z.string(),
    commEntry: z.string(),
    /** `process.hrtime.bigint()` at the run's origin. */
    originNs: z.string().regex(/^\d+$/),
    ownAddress: z.string(),
    /** Where those listen that send to this rank. */
    senderAddresses: z.map(rank, z.string()),
    /** Folder on tmpfs; null over sockets. */
    slotDir: z.string().nullable(),
    copyThreads: z.int().min(0),
    parentPid: z.int(),
    /** Removed by a rank whose parent has died. */
    ownedFolders: z.array(z.string()),
  }),
  z.strictObject({ type: z.literal('connect') }),
  z.strictObject({ type: z.literal('clock-ping'), id: z.int() }),
  z.strictObject({ type: z.literal('prepare'), iteration: z.int().min(0) }),
  z.strictObject({ type: z.literal('iterate'), iteration: z.int().min(0), startAtNs: ns }),
  z.strictObject({ type: z.literal('verify') }),
  z.strictObject({ type: z.literal('stop') }),
])
/** Supervisor to rank, parsed. */
export type ToRank = z.output<typeof toRankSchema>
/** Supervisor to rank, as it is sent. */
export type ToRankMessage = z.input<typeof toRankSchema>
export type RankSetup = Extract<ToRank, { type: 'setup' }>

/** A typed array; zod's own check would narrow its buffer's type further than a recorder promises. */
const column = <T extends Uint8Array | Int32Array | Float64Array>(kind: new () => T) =>
  z.custom<T>((value) => value instanceof kind, `a ${kind.name}`)

const below = (limit: number) => (codes: Uint8Array) => codes.every((code) => code < limit)

const spanBatch = z.strictObject({
  lane: column<Uint8Array>(Uint8Array).refine(below(RANK_LANES.length), 'a lane that does not exist'),
  category: column<Uint8Array>(Uint8Array).refine(below(SPAN_CATEGORIES.length), 'a category that does not exist'),
  startNs: column<Float64Array>(Float64Array),
  endNs: column<Float64Array>(Float64Array),
  iteration: column<Int32Array>(Int32Array),
  step: column<Int32Array>(Int32Array),
  peer: column<Int32Array>(Int32Array),
  hop: column<Int32Array>(Int32Array),
  payload: column<Uint8Array>(Uint8Array).refine(below(PAYLOADS.length), 'a payload that does not exist'),
  bytes: column<Float64Array>(Float64Array),
  flops: column<Float64Array>(Float64Array),
  cpuNs: column<Float64Array>(Float64Array),
}).refine(
  (batch) => Object.values(batch).every((column) => column.length === batch.lane.length),
  'columns of different lengths',
) satisfies z.ZodType<SpanBatch>

export const RANK_STATES = ['starting', 'computing', 'waiting', 'done', 'failed'] as const

export const fromRankSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('hello') }),
  z.strictObject({ type: z.literal('listening') }),
  z.strictObject({
    type: z.literal('connected'),
    device: z.string(),
    computes: z.boolean(),
    /** Cost of recording one span, measured here. */
    recorderOverheadNs: z.number().min(0),
  }),
  z.strictObject({ type: z.literal('clock-pong'), id: z.int(), nowNs: ns }),
  z.strictObject({ type: z.literal('ready'), iteration: z.int().min(0) }),
  z.strictObject({ type: z.literal('alive') }),
  z.strictObject({ type: z.literal('progress'), iteration: place, step: place, state: z.enum(RANK_STATES) }),
  z.strictObject({ type: z.literal('spans'), batch: spanBatch }),
  z.strictObject({ type: z.literal('iteration-done'), iteration: z.int().min(0), endNs: ns, batch: spanBatch }),
  z.strictObject({
    type: z.literal('verified'),
    checkedRows: z.int().min(0),
    maxAbsError: z.number().min(0),
    checkedGradRows: z.int().min(0),
    /** How many of those were of dK or dV. */
    checkedKeyGradRows: z.int().min(0),
    /** Null where no gradient was computed or none could be checked. */
    maxAbsGradError: z.number().min(0).nullable(),
    checksum: z.number(),
  }),
  z.strictObject({
    type: z.literal('failed'),
    /** `refused`: cannot run as asked. `peer-lost`: another rank is gone, look there first. `broken`: an error in this rank. */
    reason: z.enum(['refused', 'peer-lost', 'broken']),
    /** The rank that is gone, where that is the reason. */
    lostPeer: rank.nullable(),
    errorName: z.string(),
    message: z.string(),
    iteration: place,
    step: place,
    /** What the rank had recorded and not sent. */
    batch: spanBatch.nullable(),
  }),
])
/** Rank to supervisor. */
export type FromRank = z.output<typeof fromRankSchema>

/** A message that does not follow the protocol: the two ends are of different versions, or one is broken. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  constructor(from: string, issue: z.ZodError) {
    super(`${from} sent a message that is not in the protocol: ${z.prettifyError(issue)}`)
  }
}

/** @throws ProtocolError */
export function parseToRank(message: unknown): ToRank {
  const parsed = toRankSchema.safeParse(message)
  if (!parsed.success) throw new ProtocolError('the supervisor', parsed.error)
  return parsed.data
}

/** @throws ProtocolError */
export function parseFromRank(message: unknown, rank: number): FromRank {
  const parsed = fromRankSchema.safeParse(message)
  if (!parsed.success) throw new ProtocolError(`rank ${rank}`, parsed.error)
  return parsed.data
}
