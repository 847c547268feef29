import { z } from 'zod'
import { InvalidInputError, quoteValue, type Problem } from './problem.ts'

export const ALGORITHMS = ['ring', 'double-ring', 'ulysses', 'hybrid', 'distflash'] as const
export const LAYOUTS = ['contiguous', 'striped', 'zigzag', 'block-cyclic'] as const
export const MASKS = ['causal', 'full'] as const
export const PASSES = ['forward', 'forward-backward'] as const
export const WIRE_DTYPES = ['float32', 'bfloat16'] as const
export const BACKENDS = ['auto', 'wasm', 'webgpu', 'tensorflow', 'tfjs-wasm', 'tfjs-cpu', 'modelled'] as const
export const TRANSPORTS = ['auto', 'socket', 'shared-memory'] as const

export type Algorithm = (typeof ALGORITHMS)[number]
export type Layout = (typeof LAYOUTS)[number]
export type Mask = (typeof MASKS)[number]
export type Pass = (typeof PASSES)[number]
export type WireDtype = (typeof WIRE_DTYPES)[number]
export type BackendId = (typeof BACKENDS)[number]
export type TransportId = (typeof TRANSPORTS)[number]

const LARGEST_WORLD = 1024
const LARGEST_HEAD_DIM = 512
const LONGEST_SEQUENCE = 1 << 26

const count = (least: number, most: number) =>
  z.int({ error: `an integer from ${least} to ${most}` })
    .min(least, { error: `an integer from ${least} to ${most}` })
    .max(most, { error: `an integer from ${least} to ${most}` })

const between = (what: string, least: number, most: number) => {
  const error = `${what}, a number from ${least} to ${most}`
  return z.number({ error }).min(least, { error }).max(most, { error })
}
/** Beyond any machine; without bounds the times that follow from a rate would not be finite. */
const rate = (what: string) => between(what, 1e-9, 1e12)

const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}` })

/** null, or a list of integers. */
const lengths = (what: string, least: number, fewest: number) =>
  z.array(count(least, LONGEST_SEQUENCE), { error: `null or ${what}` })
    .min(fewest, { error: `${what}, at least ${fewest}` }).nullable().default(null)

/** The shape of a run's configuration; design section 8. Rules across fields are in {@link crossFieldProblems}. */
export const runConfigSchema = z.strictObject({
  name: z.string({ error: 'a text' }).min(1, { error: 'a name of at least one character' }).default('untitled'),
  world: count(1, LARGEST_WORLD),
  algorithm: oneOf(ALGORITHMS).default('ring'),
  /** Ranks of an inner ring, with `double-ring`. */
  window: count(1, LARGEST_WORLD).default(1),
  /** Ranks that split the heads among them, with `hybrid`; with `ulysses` all ranks of a set do. */
  ulyssesDegree: count(1, LARGEST_WORLD).default(1),
  /** Rings side by side, each with an equal part of the ranks (consecutive ones) and of the batch. */
  ringSets: count(1, LARGEST_WORLD).default(1),
  layout: oneOf(LAYOUTS).default('zigzag'),
  mask: oneOf(MASKS).default('causal'),
  /** Tokens dealt to a rank at a time, with `block-cyclic`. */
  cyclicWidth: count(1, 1 << 20).default(16),
  /** A query attends to itself and this many tokens before it. */
  lookback: count(0, LONGEST_SEQUENCE).nullable().default(null),
  /** Real keys of each batch item; those behind are attended to by nothing. */
  keyPadding: lengths('a list of key lengths, one per batch item', 0, 1),
  /** Packed documents: 0, where each one ends, up to seqLen. Tokens attend within their document. */
  cuSeqlens: lengths('a list of document boundaries from 0 to seqLen, such as [0, 7, 16]', 0, 2),
  batch: count(1, 4096).default(1),
  seqLen: count(1, LONGEST_SEQUENCE),
  heads: count(1, 1024),
  kvHeads: count(1, 1024).optional(),
  headDim: count(1, LARGEST_HEAD_DIM),
  pass: oneOf(PASSES).default('forward'),
  wireDtype: oneOf(WIRE_DTYPES).default('float32'),
  overlap: z.boolean({ error: 'true or false' }).default(true),
  blockQ: count(1, 1 << 20).default(128),
  blockK: count(1, 1 << 20).default(256),
  backend: oneOf(BACKENDS).default('auto'),
  model: z.strictObject({ gflops: rate('the modelled rate of each rank in GFLOP/s') },
    { error: 'null or {"gflops": number}' }).nullable().default(null),
  devices: z.union([z.literal('auto'), z.array(count(0, 1023)).min(1)],
    { error: '"auto" or a list of GPU ordinals, one per rank' }).default('auto'),
  transport: oneOf(TRANSPORTS).default('auto'),
  link: z.strictObject({
    bandwidthGBps: rate('the bandwidth of the emulated link in GB/s'),
    latencyUs: between('the latency of the emulated link in µs', 0, 1e12),
  }, { error: 'null or {"bandwidthGBps": number, "latencyUs": number}' }).nullable().default(null),
  stragglers: z.record(
    z.string().regex(/^(0|[1-9]\d*)$/, { error: 'a rank as key' }),
    between('a slow-down factor', 1, 1e6),
    { error: 'an object of rank to slow-down factor, such as {"3": 1.5}' }).default({}),
  iterations: count(1, 10_000).default(5),
  warmup: count(0, 10_000).default(1),
  seed: count(0, 0xffff_ffff).default(0),
  verify: z.boolean({ error: 'true or false' }).default(true),
}, { error: 'a JSON object with the keys of a run configuration' })

/** A complete, valid configuration: every default filled in. */
export type RunConfig = Readonly<z.output<typeof runConfigSchema> & { kvHeads: number }>
/** What a user may write: fields with a default may be left out. */
export type RunConfigInput = z.input<typeof runConfigSchema>

type SomeFields = Partial<z.output<typeof runConfigSchema>>

function maskProblems({ mask, lookback, keyPadding, cuSeqlens, batch, seqLen }: SomeFields): Problem[] {
  const problems: Problem[] = []
  if (lookback != null && mask === 'full') {
    problems.push({ path: 'lookback', expected: 'null with mask "full"', given: quoteValue(lookback),
      hint: 'a lookback window looks back from a causal mask: set "mask": "causal"' })
  }
  if (keyPadding != null && batch !== undefined && keyPadding.length !== batch) {
    problems.push({ path: 'keyPadding', expected: `${batch} lengths, one per batch item`, given: quoteValue(keyPadding) })
  }
  if (seqLen === undefined) return problems
  keyPadding?.forEach((length, item) => {
    if (length > seqLen) problems.push({ path: `keyPadding.${item}`, expected: `at most seqLen (${seqLen})`, given: quoteValue(length) })
  })
  const ascends = cuSeqlens?.every((end, index) => index === 0 ? end === 0 : end > cuSeqlens[index - 1]) ?? true
  if (cuSeqlens != null && !(ascends && cuSeqlens.at(-1) === seqLen)) {
    problems.push({ path: 'cuSeqlens', expected: `ascending boundaries from 0 to seqLen (${seqLen})`, given: quoteValue(cuSeqlens) })
  }
  return problems
}

/** Whether sets, windows and Ulysses groups divide what they share out. A field that is wrong by itself is undefined here. */
function groupProblems({ world, ringSets, batch, algorithm, window, ulyssesDegree, heads, kvHeads, layout, mask }: SomeFields): Problem[] {
  const problems: Problem[] = []
  const divides = (path: string, part: number, whole: number, of: string): void => {
    if (whole % part !== 0) problems.push({ path, expected: `a divisor of ${of} (${whole})`, given: quoteValue(part) })
  }
  const misfit = (value: string | undefined, fits: string): boolean => value !== undefined && value !== fits
  if (algorithm === 'distflash' && (misfit(layout, 'contiguous') || misfit(mask, 'causal'))) {
    problems.push({ path: 'algorithm', expected: '"layout": "contiguous" and "mask": "causal" with "distflash"', given: quoteValue(algorithm),
      hint: 'its schedule balances what a causal mask makes uneven among contiguous shards: set both, or take another algorithm' })
  }
  if (ringSets === undefined) return problems
  if (batch !== undefined) divides('ringSets', ringSets, batch, 'batch')
  if (world === undefined) return problems
  divides('ringSets', ringSets, world, 'world')
  if (world % ringSets !== 0) return problems
  const members = world / ringSets
  const ranksOfSet = ringSets === 1 ? 'world' : 'world / ringSets'
  if (algorithm === 'double-ring' && window !== undefined) divides('window', window, members, ranksOfSet)
  if (algorithm === 'hybrid' && ulyssesDegree !== undefined) divides('ulyssesDegree', ulyssesDegree, members, ranksOfSet)
  const degree = algorithm === 'ulysses' ? members : algorithm === 'hybrid' ? ulyssesDegree : undefined
  if (degree === undefined) return problems
  const splitters = algorithm === 'ulysses' ? `${ranksOfSet} (${degree})` : `ulyssesDegree (${degree})`
  const hint = `with "${algorithm}" that many ranks split the heads among them`
  if (heads !== undefined && heads % degree !== 0) {
    problems.push({ path: 'heads', expected: `a multiple of ${splitters}`, given: quoteValue(heads), hint })
  } else if (kvHeads !== undefined && kvHeads % degree !== 0 && degree % kvHeads !== 0) {
    problems.push({ path: 'kvHeads', expected: `a divisor or a multiple of ${splitters}`, given: quoteValue(kvHeads), hint })
  }
  return problems
}

/** Checks what is there: of a config with problems in its fields, those that are right by themselves. */
function crossFieldProblems(config: Partial<z.output<typeof runConfigSchema>>): Problem[] {
  const problems: Problem[] = []
  const { world, heads, kvHeads, stragglers = {}, devices } = config
  problems.push(...maskProblems(config), ...groupProblems(config))
  if (heads !== undefined && kvHeads !== undefined && heads % kvHeads !== 0) {
    problems.push({ path: 'kvHeads', expected: `a divisor of heads (${heads})`, given: quoteValue(kvHeads) })
  }
  if (config.backend === 'modelled' && config.model === null) {
    problems.push({
      path: 'model', expected: '{"gflops": number} with backend "modelled"', given: 'null',
      hint: 'the modelled backend waits flops/rate instead of computing',
    })
  }
  if (world === undefined) return problems
  for (const rank of Object.keys(stragglers)) {
    if (Number(rank) >= world) {
      problems.push({ path: `stragglers.${rank}`, expected: `a rank below world (${world})`, given: quoteValue(rank) })
    }
  }
  if (Array.isArray(devices) && devices.length !== world) {
    problems.push({
      path: 'devices', expected: `"auto" or ${world} GPU ordinals, one per rank`, given: quoteValue(devices),
    })
  }
  return problems
}

/** The fields of a config that are right by themselves, defaults included. */
function rightFields(input: unknown): Partial<z.output<typeof runConfigSchema>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return {}
  return Object.fromEntries(Object.entries(runConfigSchema.shape).flatMap(([key, field]) => {
    const parsed = field.safeParse(valueAt(input, [key]))
    return parsed.success ? [[key, parsed.data]] : []
  }))
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

function closestKey(key: string): string | undefined {
  const wanted = key.toLowerCase().replaceAll(/[^a-z]/g, '')
  if (wanted === '') return undefined
  return Object.keys(runConfigSchema.shape).find((known) => {
    const candidate = known.toLowerCase()
    return candidate.startsWith(wanted.slice(0, 4)) || wanted.startsWith(candidate)
  })
}

function problemsOfIssue(issue: z.core.$ZodIssue, input: unknown): Problem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const near = path.length === 0 ? closestKey(key) : undefined
      const problem: Problem = {
        path: [...path, key].join('.'), expected: 'no such key', given: quoteValue(valueAt(input, [...issue.path, key])),
      }
      return near === undefined ? problem : { ...problem, hint: `did you mean "${near}"?` }
    })
  }
  if (issue.code === 'invalid_key') {
    return [{ path: path.join('.'), expected: issue.issues[0]?.message ?? issue.message, given: quoteValue(path.at(-1)) }]
  }
  return [{ path: path.join('.'), expected: issue.message, given: quoteValue(valueAt(input, issue.path)) }]
}

export type ConfigCheck =
  | { readonly config: RunConfig; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly Problem[] }

/** Checks an untrusted value as a RunConfig. Reports every problem, never throws. */
export function checkRunConfig(input: unknown): ConfigCheck {
  const parsed = runConfigSchema.safeParse(input)
  if (!parsed.success) {
    const ofFields = parsed.error.issues.flatMap((issue) => problemsOfIssue(issue, input))
    return { config: null, problems: [...ofFields, ...crossFieldProblems(rightFields(input))] }
  }
  const problems = crossFieldProblems(parsed.data)
  if (problems.length > 0) return { config: null, problems }
  return { config: { ...parsed.data, kvHeads: parsed.data.kvHeads ?? parsed.data.heads }, problems: [] }
}

/**
 * Parses an untrusted value as a RunConfig.
 * @param source names the input in the error, for example its path.
 * @throws InvalidInputError with every problem.
 */
export function parseRunConfig(input: unknown, source: string): RunConfig {
  const checked = checkRunConfig(input)
  if (checked.config === null) throw new InvalidInputError(source, checked.problems)
  return checked.config
}
