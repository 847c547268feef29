import { z } from 'zod'
import { InvalidInputError } from '../../../kernels/config/problem.ts'
import { parseRunConfig } from '../../../kernels/config/runConfig.ts'
import type { RunRecord, RunResult } from '../../../preload/contract/run.ts'
import type { LaneKind, Timeline } from '../../timeline/timeline.ts'
import { TraceFormatError } from '../traceFormatError.ts'
import { type TraceRecord, traceRecord } from './traceRecord.ts'

/** The top-level key of a trace that carries what Trace Event JSON has no place for. */
export const OWN_KEY = 'ringscope'
export const FORMAT_VERSION = 2
/** Format 1 had rings of K/V in forward passes alone: no payloads, no gradients. */
const READABLE_VERSIONS = [1, FORMAT_VERSION] as const

const LANE_KINDS = ['gpu', 'annotation', 'synchronization', 'host', 'async'] as const satisfies readonly LaneKind[]

const finite = z.number()
const index = z.int().min(0)

const verification = z.object({
  checkedRows: index, checkedGradRows: index.default(0), maxAbsError: finite, maxAbsGradError: finite.nullable(),
  tolerance: finite, gradTolerance: finite.nullable().default(null), passed: z.boolean(),
})
const failure = z.object({
  kind: z.enum(['crashed', 'timed-out', 'cancelled', 'refused']),
  rank: z.int().nullable(), iteration: z.int().nullable(), step: z.int().nullable(), lastSpan: z.string().nullable(), message: z.string(),
})
const runRecord = z.object({
  config: z.unknown(),
  backend: z.string(), device: z.string(), transport: z.enum(['socket', 'shared-memory']), modelled: z.boolean(),
  warnings: z.array(z.string()),
  iterations: z.array(z.object({ iteration: index, warmup: z.boolean(), startNs: finite, endNs: finite })),
  clocks: z.array(z.object({
    rank: index, startOffsetNs: finite, startUncertaintyNs: finite,
    endOffsetNs: finite.nullable(), endUncertaintyNs: finite.nullable(),
  })),
  recorderOverheadNs: finite, causalityViolations: index,
  verification: verification.nullable(), outputChecksum: finite.nullable(), failure: failure.nullable(), startedAt: z.string(),
})

/** One of the timeline's lanes and the track (pid and tid in the file) that its spans are on. */
const track = z.object({
  pid: z.int(), tid: z.int(),
  lane: z.object({
    rank: z.int().min(0).nullable(), name: z.string(), pid: z.int(), tid: z.int(),
    kind: z.enum(LANE_KINDS).exactOptional(), file: index.exactOptional(),
  }),
})

const ownMetadata = z.object({
  format: z.literal(READABLE_VERSIONS),
  title: z.string(),
  source: z.enum(['run', 'simulation', 'trace']),
  tracks: z.array(track),
  run: runRecord.nullable(),
  trace: traceRecord.optional(),
})

export type OwnTrack = z.output<typeof track>

/** What a trace of ours says about itself; everything needed to restore the timeline from its events. */
export interface OwnMetadata {
  readonly format: (typeof READABLE_VERSIONS)[number]
  readonly title: string
  readonly source: Timeline['source']
  readonly tracks: readonly OwnTrack[]
  readonly run: RunRecord | null
  /** Of an imported trace that was saved. */
  readonly trace?: TraceRecord | undefined
}

/** As written: also the figures, for people and scripts that read the file. They are not read back but computed again. */
export interface WrittenMetadata extends OwnMetadata {
  readonly figures: Omit<RunResult, 'config' | 'plan' | 'tracePath'> | null
}

function refused(path: string, offset: number, what: string, cause?: unknown): TraceFormatError {
  return new TraceFormatError(path, {
    what: `the "${OWN_KEY}" record is damaged: ${what}`, offset, expected: `what Ringscope wrote (format ${READABLE_VERSIONS.join(' or ')})`,
    remedy: `Restore the file, or delete its "${OWN_KEY}" key to open it as a plain trace`,
  }, { cause })
}

/**
 * Parses the `ringscope` key of a trace.
 * @throws TraceFormatError when it comes from a newer version or has been changed.
 */
export function parseOwnMetadata(json: string, path: string, offset: number): OwnMetadata {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw refused(path, offset, 'it is not valid JSON', cause)
  }
  const version = z.object({ format: z.number() }).safeParse(value)
  if (version.success && version.data.format > FORMAT_VERSION) {
    throw new TraceFormatError(path, {
      what: `written by a newer Ringscope (trace format ${version.data.format})`, offset, expected: `format ${FORMAT_VERSION} or earlier`,
      remedy: 'Open it with that version or a later one',
    })
  }
  const parsed = ownMetadata.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refused(path, offset, `${issue.path.join('.') || 'the record'}: ${issue.message}`, parsed.error)
  }
  const { run, ...rest } = parsed.data
  if (run === null) return { ...rest, run: null }
  try {
    return { ...rest, run: { ...run, config: parseRunConfig(run.config, `${path}, run.config`) } }
  } catch (cause) {
    if (cause instanceof InvalidInputError) throw refused(path, offset, cause.message, cause)
    throw cause
  }
}
