import { z } from 'zod'
import { InvalidInputError, quoteValue, type Problem } from './problem.ts'

export const ALGORITHMS = ['ring'] as const
export const LAYOUTS = ['contiguous', 'striped', 'zigzag'] as const
export const MASKS = ['causal', 'full'] as const
export const PASSES = ['forward'] as const
export const WIRE_DTYPES = ['float32'] as const
export const BACKENDS = ['auto', 'wasm', 'tensorflow', 'tfjs-wasm', 'tfjs-cpu', 'modelled'] as const
export const TRANSPORTS = ['auto', 'socket', 'shared-memory'] as const

/** Values of the field's vocabulary that this version knows by name and does not run yet. */
export const NOT_IN_THIS_VERSION: Readonly<Record<string, readonly string[]>> = {
  algorithm: ['double-ring', 'ulysses', 'hybrid'],
  layout: ['block-cyclic'],
  pass: ['forward-backward'],
  wireDtype: ['bfloat16'],
  backend: ['webgpu'],
}

export type Algorithm = (typeof ALGORITHMS)[number]
export type Layout = (typeof LAYOUTS)[number]
export type Mask = (typeof MASKS)[number]
export type BackendId = (typeof BACKENDS)[number]
export type TransportId = (typeof TRANSPORTS)[number]

const LARGEST_WORLD = 1024
const LARGEST_HEAD_DIM = 512

const count = (least: number, most: number) =>
  z.int({ error: `an integer from ${least} to ${most}` })
    .min(least, { error: `an integer from ${least} to ${most}` })
    .max(most, { error: `an integer from ${least} to ${most}` })

const positive = (what: string) =>
  z.number({ error: `${what}, a number above 0` }).positive({ error: `${what}, a number above 0` })

function oneOf<const T extends readonly [string, ...string[]]>(field: string, values: T) {
  const later = NOT_IN_THIS_VERSION[field]
  const accepted = values.map((value) => JSON.stringify(value)).join(', ')
  return z.enum(values, {
    error: later === undefined
      ? `one of ${accepted}`
      : `one of ${accepted} (${later.map((value) => JSON.stringify(value)).join(', ')}: not in this version)`,
  })
}

const absent = (what: string) => z.null({ error: `null (${what}: not in this version)` })

/** The shape of a run's configuration; design section 8. Rules across fields are in {@link crossFieldProblems}. */
export const runConfigSchema = z.strictObject({
  name: z.string({ error: 'a text' }).min(1, { error: 'a name of at least one character' }).default('untitled'),
  world: count(1, LARGEST_WORLD),
  algorithm: oneOf('algorithm', ALGORITHMS).default('ring'),
  window: count(1, LARGEST_WORLD).default(1),
  ulyssesDegree: count(1, LARGEST_WORLD).default(1),
  ringSets: z.literal(1, { error: '1 (more ring sets: not in this version)' }).default(1),
  layout: oneOf('layout', LAYOUTS).default('zigzag'),
  mask: oneOf('mask', MASKS).default('causal'),
  lookback: absent('a lookback window').default(null),
  keyPadding: absent('key padding').default(null),
  batch: count(1, 4096).default(1),
  seqLen: count(1, 1 << 26),
  heads: count(1, 1024),
  kvHeads: count(1, 1024).optional(),
  headDim: count(1, LARGEST_HEAD_DIM),
  pass: oneOf('pass', PASSES).default('forward'),
  wireDtype: oneOf('wireDtype', WIRE_DTYPES).default('float32'),
  overlap: z.boolean({ error: 'true or false' }).default(true),
  blockQ: count(1, 1 << 20).default(128),
  blockK: count(1, 1 << 20).default(256),
  backend: oneOf('backend', BACKENDS).default('auto'),
  model: z.strictObject({ gflops: positive('the modelled rate of each rank in GFLOP/s') },
    { error: 'null or {"gflops": number}' }).nullable().default(null),
  devices: z.union([z.literal('auto'), z.array(count(0, 1023)).min(1)],
    { error: '"auto" or a list of GPU ordinals, one per rank' }).default('auto'),
  transport: oneOf('transport', TRANSPORTS).default('auto'),
  link: z.strictObject({
    bandwidthGBps: positive('the bandwidth of the emulated link in GB/s'),
    latencyUs: z.number({ error: 'the latency of the emulated link in µs, 0 or more' })
      .min(0, { error: 'the latency of the emulated link in µs, 0 or more' }),
  }, { error: 'null or {"bandwidthGBps": number, "latencyUs": number}' }).nullable().default(null),
  stragglers: z.record(
    z.string().regex(/^(0|[1-9]\d*)$/, { error: 'a rank as key' }),
    z.number({ error: 'a slow-down factor of 1 or more' }).min(1, { error: 'a slow-down factor of 1 or more' }),
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

/** Checks what is there: of a config with problems in its fields, those that are right by themselves. */
function crossFieldProblems(config: Partial<z.output<typeof runConfigSchema>>): Problem[] {
  const problems: Problem[] = []
  const { world, heads, kvHeads, stragglers = {}, devices } = config
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
