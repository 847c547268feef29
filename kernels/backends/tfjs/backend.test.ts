import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fillTensor } from '../../attention/inputs.ts'
import { verifyShard } from '../../attention/verify.ts'
import { parseRunConfig, type RunConfigInput } from '../../config/runConfig.ts'
import { keyRanges } from '../../plan/keyRanges.ts'
import { createArena } from '../arena.ts'
import type { RankArena, SpanSink } from '../backend.ts'
import { TfjsBackend } from './backend.ts'
import { loadTfjsCpu, loadTfjsWasm } from './runtimes.ts'
import type { TfRuntime } from './tfcore.ts'

interface Recorded {
  readonly category: string
  readonly startNs: number
  readonly endNs: number
  readonly flops?: number
  readonly bytes?: number
  readonly cpuNs?: number
}

function recordingSink(): { sink: SpanSink; spans: Recorded[] } {
  const spans: Recorded[] = []
  const now = (): number => Number(process.hrtime.bigint())
  return { spans, sink: { now, record: (category, startNs, endNs, facts) => { spans.push({ category, startNs, endNs, ...facts }) } } }
}

/** A rank alone, with the whole sequence. */
function alone(input: Partial<RunConfigInput>): { config: ReturnType<typeof parseRunConfig>; arena: RankArena; positions: Int32Array } {
  const config = parseRunConfig({ world: 1, seqLen: 70, heads: 4, kvHeads: 2, headDim: 16, batch: 2, blockQ: 16, blockK: 24, ...input }, 'test')
  const { batch, heads, kvHeads, headDim, seqLen, blockQ, blockK } = config
  const arena = createArena({ batch, heads, kvHeads, headDim, tokens: seqLen, blockQ, blockK }, 1, 0)
  const positions = Int32Array.from({ length: seqLen }, (_, row) => row)
  fillTensor(arena.q, config.seed, 'q', batch, heads, positions, headDim)
  fillTensor(arena.slots[0].k, config.seed, 'k', batch, kvHeads, positions, headDim)
  fillTensor(arena.slots[0].v, config.seed, 'v', batch, kvHeads, positions, headDim)
  return { config, arena, positions }
}

function backendOn(runtime: TfRuntime, { config, arena, positions }: ReturnType<typeof alone>): TfjsBackend {
  const { batch, heads, kvHeads, headDim, blockQ, blockK } = config
  return new TfjsBackend(runtime, { config, arena, kernelsDir: '', shape: { batch, heads, kvHeads, headDim, tokens: positions.length, blockQ, blockK } })
}

/** The paths that only TensorFlow takes (keys not transposed on the host, results awaited), on a backend that is here. */
const loadDrivenAsTensorflow = async (): Promise<TfRuntime> =>
  ({ ...await loadTfjsCpu(), transposesKeysOnHost: false, asynchronous: true })

// tfjs keeps one active backend a process, so the runtimes are loaded one after the other.
describe.each([
  ['tfjs-cpu', loadTfjsCpu], ['tfjs-wasm', loadTfjsWasm], ['tfjs-cpu driven as TensorFlow is', loadDrivenAsTensorflow],
] as const)('%s', (_id, load) => {
  let runtime: TfRuntime
  beforeAll(async () => { runtime = await load() })
  afterEach(() => { expect(runtime.tf.memory().numTensors, 'leaked tensors').toBe(0) })

  it.each([
    ['causal', {}],
    ['full', { mask: 'full' }],
    ['one head a key/value head', { kvHeads: 4 }],
    ['one key/value head for all', { kvHeads: 1 }],
    ['tiles that divide', { seqLen: 64, blockQ: 16, blockK: 16 }],
    ['one tile', { blockQ: 70, blockK: 70 }],
    ['tiles larger than the shard', { blockQ: 512, blockK: 512 }],
    ['wide and flat tiles', { blockQ: 3, blockK: 64 }],
    ['a single token', { seqLen: 1 }],
  ] as const)('agrees with float64 to 1e-5: %s', async (_, input) => {
    const problem = alone(input)
    const backend = backendOn(runtime, problem)
    const { config, arena, positions } = problem
    const { sink } = recordingSink()
    await backend.begin(sink)
    await backend.attend({ slot: arena.slots[0], ranges: keyRanges(config.mask, positions, positions, config.seqLen), flops: 1 }, sink)
    await backend.finish(sink)
    await backend.dispose()
    const { checkedRows, maxAbsError } = verifyShard(config, positions, arena.out, arena.lse)
    expect(checkedRows).toBeGreaterThan(0)
    expect(maxAbsError).toBeLessThan(1e-5)
    expect(backend.id).toBe(runtime.id)
  })

  it('records copies, compute with its work, and merging once there is something to merge with', async () => {
    const problem = alone({})
    const backend = backendOn(runtime, problem)
    const { config, arena, positions } = problem
    const { sink, spans } = recordingSink()
    const work = { slot: arena.slots[0], ranges: keyRanges(config.mask, positions, positions, config.seqLen), flops: 1234 }
    await backend.begin(sink)
    await backend.attend(work, sink)
    await backend.attend(work, sink)
    await backend.finish(sink)
    await backend.dispose()
    expect(spans.map(({ category }) => category)).toEqual(['h2d', 'h2d', 'compute', 'h2d', 'compute', 'merge', 'd2h'])
    expect(spans[2].flops).toBe(1234)
    if (runtime.asynchronous) expect(spans[2].cpuNs).toBeUndefined()
    else expect(spans[2].cpuNs).toBeGreaterThanOrEqual(0)
    expect(spans[1].bytes).toBe(2 * 2 * 2 * 70 * 16 * 4)
    spans.forEach((span, at) => {
      expect(span.endNs).toBeGreaterThanOrEqual(span.startNs)
      if (at > 0) expect(span.startNs).toBeGreaterThanOrEqual(spans[at - 1].endNs)
    })
  })

  it('attending twice to the same keys changes nothing but the log-sum-exp, by ln 2', async () => {
    const problem = alone({ mask: 'full' })
    const backend = backendOn(runtime, problem)
    const { config, arena, positions } = problem
    const { sink } = recordingSink()
    const work = { slot: arena.slots[0], ranges: keyRanges('full', positions, positions, config.seqLen), flops: 1 }
    const pass = async (times: number): Promise<{ out: Float32Array; lse: Float32Array }> => {
      await backend.begin(sink)
      for (let time = 0; time < times; time++) await backend.attend(work, sink)
      await backend.finish(sink)
      return { out: arena.out.slice(), lse: arena.lse.slice() }
    }
    const once = await pass(1)
    const twice = await pass(2)
    await backend.dispose()
    for (let at = 0; at < once.out.length; at++) expect(Math.abs(twice.out[at] - once.out[at])).toBeLessThan(2e-6)
    for (let at = 0; at < once.lse.length; at++) expect(Math.abs(twice.lse[at] - once.lse[at] - Math.LN2)).toBeLessThan(2e-6)
  })

  it('gives zeros and -Infinity for rows without keys, and for a pass without blocks', async () => {
    const problem = alone({ seqLen: 40 })
    const backend = backendOn(runtime, problem)
    const { arena } = problem
    const { sink } = recordingSink()
    arena.out.fill(7)
    await backend.begin(sink)
    await backend.finish(sink)
    expect(arena.out.every((value) => value === 0)).toBe(true)
    expect(arena.lse.every((value) => value === -Infinity)).toBe(true)

    // Row 5 alone attends to key 2 alone: it gets that value, its tile neighbours nothing.
    const ranges = { from: new Int32Array(40), to: new Int32Array(40) }
    ranges.from[5] = 2
    ranges.to[5] = 3
    await backend.begin(sink)
    await backend.attend({ slot: arena.slots[0], ranges, flops: 1 }, sink)
    await backend.finish(sink)
    await backend.dispose()
    for (let row = 0; row < 40; row++) {
      const out = arena.out.subarray(row * 16, (row + 1) * 16)
      if (row === 5) expect(Math.max(...out.map((value, dim) => Math.abs(value - arena.slots[0].v[2 * 16 + dim])))).toBeLessThan(1e-6)
      else expect([...out].every((value) => value === 0)).toBe(true)
      expect(Number.isFinite(arena.lse[row])).toBe(row === 5)
    }
  })

  it('survives scores of +-1e4', async () => {
    const problem = alone({ mask: 'causal', blockQ: 8, blockK: 8 })
    const { config, arena, positions } = problem
    for (let at = 0; at < arena.q.length; at++) arena.q[at] *= 4000
    const backend = backendOn(runtime, problem)
    const { sink } = recordingSink()
    await backend.begin(sink)
    await backend.attend({ slot: arena.slots[0], ranges: keyRanges('causal', positions, positions, config.seqLen), flops: 1 }, sink)
    await backend.finish(sink)
    await backend.dispose()
    expect(Math.max(...arena.lse.map(Math.abs))).toBeGreaterThan(1e4)
    expect(arena.out.every((value) => Math.abs(value) <= 2.5)).toBe(true)
  })

  it('keeps no hold of a slot after attend, since the next block overwrites it', async () => {
    const problem = alone({})
    const backend = backendOn(runtime, problem)
    const { config, arena, positions } = problem
    const { sink } = recordingSink()
    await backend.begin(sink)
    await backend.attend({ slot: arena.slots[0], ranges: keyRanges(config.mask, positions, positions, config.seqLen), flops: 1 }, sink)
    arena.slots[0].bytes.fill(0xff)
    arena.q.fill(Number.NaN)
    await backend.finish(sink)
    await backend.dispose()
    expect(verifyShard(config, positions, arena.out, arena.lse).maxAbsError).toBeLessThan(1e-5)
  })
})
