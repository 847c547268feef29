import type { ConcreteBackendId } from '../../backends/backend.ts'
import { checkRunConfig, LAYOUTS, type Layout, type RunConfig, type RunConfigInput, type WireDtype } from '../../config/runConfig.ts'
import { checksumWeight } from '../../attention/inputs.ts'
import { kvHeadOf } from '../../attention/reference.ts'
import { denseAttention, denseInputs } from '../../attention/testing/dense.ts'
import { attendsToAny, isAttendedTo } from '../../attention/attends.ts'
import type { Channel, Payload } from '../../timeline/categories.ts'
import { planRun } from '../../plan/planRun.ts'
import type { StepPass } from '../../plan/plan.ts'
import { decodeBfloat16, encodeBfloat16 } from '../../transport/bfloat16.ts'
import type { RankSchedule } from '../schedule.ts'
import { runInProcess, type GatheredTensors, type RingResult } from './inProcessRing.ts'

/** Masks and lengths, two batch items each: none of the lengths is a multiple of the worlds. */
export const MASK_CASES = {
  'causal': { mask: 'causal', seqLen: 37 },
  'causal, fewer tokens than some ranks have room for': { mask: 'causal', seqLen: 13 },
  'full': { mask: 'full', seqLen: 29 },
  'lookback 0': { mask: 'causal', seqLen: 23, lookback: 0 },
  'lookback 3': { mask: 'causal', seqLen: 37, lookback: 3 },
  'lookback 9': { mask: 'causal', seqLen: 29, lookback: 9 },
  'lookback 30': { mask: 'causal', seqLen: 37, lookback: 30 },
  'key padding, one item without keys': { mask: 'full', seqLen: 31, keyPadding: [17, 0] },
  'causal key padding': { mask: 'causal', seqLen: 37, keyPadding: [37, 9] },
  'causal documents, some of one token': { mask: 'causal', seqLen: 37, cuSeqlens: [0, 1, 2, 9, 25, 26, 37] },
  'full documents': { mask: 'full', seqLen: 31, cuSeqlens: [0, 5, 6, 19, 31] },
  'full documents with key padding: queries without keys': { mask: 'full', seqLen: 29, cuSeqlens: [0, 11, 29], keyPadding: [9, 12] },
  'lookback, key padding and documents': { mask: 'causal', seqLen: 29, lookback: 4, keyPadding: [19, 29], cuSeqlens: [0, 1, 14, 29] },
} satisfies Record<string, Partial<RunConfigInput> & { seqLen: number }>

/** Query and key/value heads; six and three for the worlds of three that split heads. */
export const HEAD_CASES = [
  { heads: 8, kvHeads: 8, headDim: 4 }, { heads: 8, kvHeads: 4, headDim: 4 }, { heads: 8, kvHeads: 1, headDim: 4 },
  { heads: 4, kvHeads: 4, headDim: 5 }, { heads: 4, kvHeads: 1, headDim: 5 }, { heads: 1, kvHeads: 1, headDim: 8 }, { heads: 6, kvHeads: 3, headDim: 6 },
] as const

export const WORLDS = [1, 2, 3, 4, 8] as const

const divisorsOf = (world: number): number[] => Array.from({ length: world }, (_, index) => index + 1).filter((part) => world % part === 0)
const isProper = (world: number) => (part: number): boolean => part > 1 && part < world

/** A way of running a world of ranks. */
export type Variant = Pick<RunConfigInput, 'algorithm' | 'window' | 'ulyssesDegree' | 'ringSets'>

export const ringsOf = (world: number): Variant[] => [
  { algorithm: 'ring' }, ...(world % 2 === 0 ? [{ algorithm: 'ring', ringSets: 2 }] as const : []), { algorithm: 'distflash' },
]

/** Windows that divide the world in several rings of several ranks. */
export const doubleRingsOf = (world: number): Variant[] => [
  ...divisorsOf(world).filter(isProper(world)).map((window) => ({ algorithm: 'double-ring', window }) as const),
  ...(world === 8 ? [{ algorithm: 'double-ring', window: 2, ringSets: 2 }] as const : []),
]

export const groupsOf = (world: number): Variant[] => [
  { algorithm: 'ulysses' },
  ...divisorsOf(world).filter(isProper(world)).map((ulyssesDegree) => ({ algorithm: 'hybrid', ulyssesDegree }) as const),
  ...(world === 8 ? [{ algorithm: 'hybrid', ulyssesDegree: 2, ringSets: 2 }] as const : []),
]

/** Windows of one rank, and of all: a double ring by name only. */
const degenerateDoubleRingsOf = (world: number): Variant[] =>
  [...new Set([1, world])].map((window) => ({ algorithm: 'double-ring', window }))

/** Every algorithm with every way of dividing a world among its groups. */
export const variantsOf = (world: number): Variant[] =>
  [...ringsOf(world), ...doubleRingsOf(world), ...degenerateDoubleRingsOf(world), ...groupsOf(world)]

export interface TableCase {
  readonly name: string
  readonly config: RunConfig
}

export const nameOfVariant = ({ algorithm, window, ulyssesDegree, ringSets }: Variant): string =>
  [algorithm, window && `window ${window}`, ulyssesDegree && `degree ${ulyssesDegree}`, ringSets && `${ringSets} sets`].filter(Boolean).join(' ')

interface CaseInput {
  readonly name: string
  readonly input: RunConfigInput
}

/** One world, algorithm and layout: all masks by all heads, also what a config refuses. */
const inputsOf = (world: number, variant: Variant, layout: Layout): CaseInput[] =>
  Object.entries<Partial<RunConfigInput> & { seqLen: number }>(MASK_CASES).flatMap(([maskName, mask]) => HEAD_CASES.map((heads) => ({
    name: `${world} ranks, ${nameOfVariant(variant)}, ${layout}, ${maskName}, ${heads.heads}/${heads.kvHeads} heads`,
    input: { ...variant, ...mask, ...heads, world, layout, batch: 2, cyclicWidth: 3, blockQ: 5, blockK: 6, seed: 5, pass: 'forward-backward' },
  })))

const accepted = (inputs: readonly CaseInput[], changes: Partial<RunConfigInput> = {}): TableCase[] => inputs.flatMap(({ name, input }) => {
  const { config } = checkRunConfig({ ...input, ...changes })
  return config === null ? [] : [{ name, config }]
})

/** The cases of one world, algorithm and layout that a config does not refuse. */
export const casesOf = (world: number, variant: Variant, layout: Layout): TableCase[] => accepted(inputsOf(world, variant, layout))

/**
 * A part of the table: every world, algorithm and layout with every `stride`-th of their masks and heads. A stride that
 * divides neither meets all of them.
 */
export function sampleOf(stride: number, changes: Partial<RunConfigInput> = {}): TableCase[] {
  const all = WORLDS.flatMap((world) => variantsOf(world).flatMap((variant) => LAYOUTS.flatMap((layout) => inputsOf(world, variant, layout))))
  return accepted(all.filter((_, index) => index % stride === 0), changes)
}

/** Largest differences that a case may have. */
interface CaseTolerance {
  readonly output: number
  readonly gradient: number
}

const FLOAT32: CaseTolerance = { output: 1e-5, gradient: 1e-4 }
/** With K/V that were rounded to bfloat16. */
const BFLOAT16: CaseTolerance = { output: 2e-2, gradient: 2e-2 }
/** What two float32 runs of one problem may differ by, however their blocks were divided and ordered. */
const AGREEMENT: CaseTolerance = { output: 2e-6, gradient: 2e-5 }

const TENSORS = ['out', 'dq', 'dk', 'dv'] as const
type Tensor = (typeof TENSORS)[number]

interface Problem {
  readonly expected: Readonly<Record<Tensor, Float64Array>>
  readonly checksum: number
  /** The first result, which all others must agree with. */
  first: GatheredTensors | null
}

const problems = new Map<string, Problem>()

function rounded(tensor: Float64Array): Float64Array {
  const halves = new Uint16Array(tensor.length)
  encodeBfloat16(Float32Array.from(tensor), halves)
  const floats = new Float32Array(tensor.length)
  decodeBfloat16(halves, floats)
  return Float64Array.from(floats)
}

/** What a problem's answer is, whatever the world; made once. @param wire of K and V: rounded for bfloat16 */
function problemOf(config: RunConfig, wire: WireDtype): Problem {
  const { mask, seqLen, lookback, keyPadding, cuSeqlens, batch, heads, kvHeads, headDim, seed } = config
  const key = JSON.stringify([mask, seqLen, lookback, keyPadding, cuSeqlens, batch, heads, kvHeads, headDim, seed, wire])
  const known = problems.get(key)
  if (known !== undefined) return known
  const items = Array.from({ length: batch }, (_, item) => {
    const inputs = denseInputs(config, item)
    return denseAttention(config, item, wire === 'float32' ? inputs : { ...inputs, k: rounded(inputs.k), v: rounded(inputs.v) })
  })
  const joined = (tensor: Tensor): Float64Array => Float64Array.from(items.flatMap((item) => [...item[tensor]]))
  const expected = { out: joined('out'), dq: joined('dq'), dk: joined('dk'), dv: joined('dv') }
  const checksum = expected.out.reduce((sum, value, at) => {
    const [dim, position, head] = [at % headDim, Math.floor(at / headDim) % seqLen, Math.floor(at / headDim / seqLen) % heads]
    return sum + value * checksumWeight(seed, Math.floor(at / headDim / seqLen / heads), head, kvHeadOf(config, head), position, dim)
  }, 0)
  const made: Problem = { expected, checksum, first: null }
  problems.set(key, made)
  return made
}

/** Infinity where either is not a number. */
function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0
  for (let at = 0; at < a.length; at++) {
    const difference = Math.abs(a[at] - b[at])
    if (!(difference <= most)) most = Number.isNaN(difference) ? Infinity : difference
  }
  return a.length === b.length ? most : Infinity
}

export interface CaseResult {
  /** What is wrong, in words: nothing when all is right. */
  readonly wrong: readonly string[]
  readonly result: RingResult
}

/** Runs a case and compares everything that it leaves with float64 and with the other cases of its problem. */
export async function runCase({ config }: TableCase, backend: ConcreteBackendId, kernelsDir: string, iterations = 1): Promise<CaseResult> {
  const result = await runInProcess(config, backend, { kernelsDir, iterations })
  const wrong: string[] = []
  const compare = (to: string, expected: Readonly<Record<Tensor, ArrayLike<number>>>, tolerance: CaseTolerance): void => {
    for (const tensor of tensorsOf(config)) {
      const difference = largestDifference(result[tensor], expected[tensor])
      const limit = tolerance[tensor === 'out' ? 'output' : 'gradient']
      if (difference > limit) wrong.push(`${tensor} differs from ${to} by ${difference.toExponential(2)}, more than ${limit}`)
    }
  }
  compare('float64', problemOf(config, 'float32').expected, config.wireDtype === 'float32' ? FLOAT32 : BFLOAT16)
  // Rounded K/V is as good an input as any. A rank that sends nothing keeps its own as it is.
  const isRounded = config.wireDtype === 'bfloat16' && result.ranks.every(({ schedule }) => movesAnything(schedule))
  if (isRounded) compare('float64 of rounded K/V', problemOf(config, 'bfloat16').expected, FLOAT32)
  if (config.pass === 'forward-backward' && (isRounded || config.wireDtype === 'float32')) {
    const problem = problemOf(config, config.wireDtype)
    if (problem.first !== null) compare('the first run of the problem', problem.first, AGREEMENT)
    else if (wrong.length === 0) problem.first = result
  }
  wrong.push(...wrongZeros(config, result), ...wrongTraffic(config, result))
  return { wrong, result }
}

const tensorsOf = ({ pass }: RunConfig): readonly Tensor[] => (pass === 'forward' ? ['out'] : TENSORS)

const movesAnything = ({ steps }: RankSchedule): boolean => steps.some(({ plan: { sends, recvs } }) => sends.length + recvs.length > 0)

/** Of the whole output in float64, K/V as the inputs have them. */
export const checksumOf = (config: RunConfig): number => problemOf(config, 'float32').checksum

/** Padding rows, rows that attend to nothing and keys that nothing attends to: exactly 0; everything: a number. */
function wrongZeros(config: RunConfig, { ranks }: RingResult): string[] {
  const wrong: string[] = []
  for (const { schedule: { rank, homePositions, firstItem, shape }, arena: { home } } of ranks) {
    for (const tensor of tensorsOf(config)) {
      const isQuery = tensor === 'out' || tensor === 'dq'
      const counts = isQuery ? attendsToAny : isAttendedTo
      const heads = isQuery ? config.heads : config.kvHeads
      for (let item = 0; item < shape.batch; item++) {
        homePositions.forEach((position, row) => {
          const mustBeZero = position >= config.seqLen || !counts(config, firstItem + item, position)
          for (let head = 0; head < heads; head++) {
            const from = ((item * heads + head) * homePositions.length + row) * config.headDim
            const values = home[tensor].subarray(from, from + config.headDim)
            if (values.every((value) => mustBeZero ? value === 0 : Number.isFinite(value))) continue
            wrong.push(`${tensor} of rank ${rank}, item ${item}, head ${head}, position ${position} is ${[...values].join(', ')}`)
          }
        })
      }
    }
  }
  return wrong.slice(0, 3)
}

/** Transfers that were made, on the rank that made most of each kind, beside what the plan says. */
function wrongTraffic(config: RunConfig, { delivered, ranks }: RingResult): string[] {
  const key = ({ channel, payload, pass }: { channel: Channel; payload: Payload; pass: StepPass }): string => `${channel} ${payload} ${pass}`
  const made = new Map<string, { most: number; bytes: Set<number> }>()
  const byRank = new Map<string, number>()
  for (const { from, pass, move } of delivered) {
    const kind = key({ ...move, pass })
    const count = (byRank.get(`${from} ${kind}`) ?? 0) + 1
    byRank.set(`${from} ${kind}`, count)
    const known = made.get(kind) ?? { most: 0, bytes: new Set() }
    known.bytes.add(move.bytes)
    made.set(kind, { most: Math.max(known.most, count), bytes: known.bytes })
  }
  const planned = planRun(config).traffic
  const [actual, expected] = [
    [...made].map(([kind, { most, bytes }]) => `${kind}: ${most} x ${[...bytes].join('/')} B`),
    planned.filter(({ hops }) => hops > 0).map((row) => `${key(row)}: ${row.hops} x ${row.bytesPerHop} B`),
  ].map((rows) => rows.toSorted().join('; '))
  const wrong = actual === expected ? [] : [`made transfers ${actual || 'none'}; planned ${expected || 'none'}`]
  const hops = new Set(delivered.map(({ move }) => move.hop))
  if (hops.size !== delivered.length) wrong.push(`${delivered.length} transfers have ${hops.size} hop numbers`)
  const steps = ranks.map(({ schedule }) => schedule.steps.length)
  if (new Set(steps).size !== 1) wrong.push(`ranks have different numbers of steps: ${steps.join(', ')}`)
  return wrong
}
