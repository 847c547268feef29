import { describe, expect, it } from 'vitest'
import { formatProblem, InvalidInputError } from './problem.ts'
import { checkRunConfig, parseRunConfig } from './runConfig.ts'

const smallest = { world: 2, seqLen: 64, heads: 4, headDim: 16 }

const pathsOf = (input: unknown): string[] => checkRunConfig(input).problems.map((problem) => problem.path).toSorted()

describe('parseRunConfig', () => {
  it('fills in every default from the four fields that have none', () => {
    expect(parseRunConfig(smallest, 'test')).toEqual({
      name: 'untitled', world: 2, algorithm: 'ring', window: 1, ulyssesDegree: 1, ringSets: 1, layout: 'zigzag',
      mask: 'causal', cyclicWidth: 16, lookback: null, keyPadding: null, cuSeqlens: null, batch: 1, seqLen: 64, heads: 4, kvHeads: 4, headDim: 16,
      pass: 'forward', wireDtype: 'float32', overlap: true, blockQ: 128, blockK: 256, backend: 'auto', model: null,
      devices: 'auto', transport: 'auto', link: null, stragglers: {}, iterations: 5, warmup: 1, seed: 0, verify: true,
    })
  })

  it('is idempotent: a complete config parses to itself', () => {
    const complete = parseRunConfig(smallest, 'test')
    expect(parseRunConfig(JSON.parse(JSON.stringify(complete)), 'test')).toEqual(complete)
  })

  it('reports every problem at once, each with its path, what was expected and what was given', () => {
    expect(pathsOf({
      ...smallest, seqLen: 0, headDim: 'wide', layot: 'zigzag', link: { bandwidthGBps: -1, speed: 3 }, stragglers: { a: 2, 1: 0.5 },
    })).toEqual(['headDim', 'layot', 'link.bandwidthGBps', 'link.latencyUs', 'link.speed', 'seqLen', 'stragglers.1', 'stragglers.a'])
  })

  it('says what was expected and given, and which key was probably meant', () => {
    const { problems } = checkRunConfig({ ...smallest, layot: 'zigzag', world: 2.5 })
    expect(problems.map(formatProblem)).toEqual([
      'world: expected an integer from 1 to 1024, got 2.5',
      'layot: expected no such key, got "zigzag" (did you mean "layout"?)',
    ])
  })

  it('knows the field\'s vocabulary', () => {
    for (const fields of [
      { algorithm: 'double-ring', window: 2 }, { algorithm: 'ulysses' }, { algorithm: 'hybrid', ulyssesDegree: 2 },
      { algorithm: 'distflash', layout: 'contiguous' }, { layout: 'block-cyclic', cyclicWidth: 4 }, { pass: 'forward-backward' },
      { wireDtype: 'bfloat16' }, { backend: 'webgpu' }, { lookback: 0 }, { keyPadding: [0] }, { cuSeqlens: [0, 64] },
      { ringSets: 2, batch: 4 }, { kvHeads: 1 },
    ]) expect(checkRunConfig({ ...smallest, ...fields }).problems, JSON.stringify(fields)).toEqual([])
    const [problem] = checkRunConfig({ ...smallest, algorithm: 'tree' }).problems
    expect(problem?.expected).toBe('one of "ring", "double-ring", "ulysses", "hybrid", "distflash"')
  })

  const messagesOf = (fields: object): string[] => checkRunConfig({ ...smallest, ...fields }).problems.map(formatProblem)

  it('says which masks fit together', () => {
    expect(messagesOf({ mask: 'full', lookback: 8 })).toEqual([
      'lookback: expected null with mask "full", got 8 (a lookback window looks back from a causal mask: set "mask": "causal")'])
    expect(messagesOf({ batch: 2, keyPadding: [64] })).toEqual(['keyPadding: expected 2 lengths, one per batch item, got [64]'])
    expect(messagesOf({ batch: 2, keyPadding: [64, 65] })).toEqual(['keyPadding.1: expected at most seqLen (64), got 65'])
    expect(messagesOf({ keyPadding: [] })).toEqual(['keyPadding: expected a list of key lengths, one per batch item, at least 1, got []'])
    for (const cuSeqlens of [[0, 63], [1, 64], [0, 9, 9, 64], [0, 9, 8, 64], [0, 64, 65]]) {
      expect(messagesOf({ cuSeqlens })).toEqual([
        `cuSeqlens: expected ascending boundaries from 0 to seqLen (64), got ${JSON.stringify(cuSeqlens)}`])
    }
    expect(messagesOf({ cuSeqlens: [0, 1, 63, 64], lookback: 3, keyPadding: [5] })).toEqual([])
  })

  it('says which groups of ranks share things out evenly', () => {
    expect(messagesOf({ ringSets: 2, batch: 3 })).toEqual(['ringSets: expected a divisor of batch (3), got 2'])
    expect(messagesOf({ world: 3, ringSets: 2, batch: 2 })).toEqual(['ringSets: expected a divisor of world (3), got 2'])
    expect(messagesOf({ world: 4, algorithm: 'double-ring', window: 3 })).toEqual(['window: expected a divisor of world (4), got 3'])
    expect(messagesOf({ world: 4, algorithm: 'hybrid', ulyssesDegree: 3, heads: 3 })).toEqual([
      'ulyssesDegree: expected a divisor of world (4), got 3'])
    expect(messagesOf({ world: 6, ringSets: 2, batch: 2, algorithm: 'ulysses' })).toEqual([
      'heads: expected a multiple of world / ringSets (3), got 4 (with "ulysses" that many ranks split the heads among them)'])
    expect(messagesOf({ world: 4, algorithm: 'hybrid', ulyssesDegree: 4, heads: 12, kvHeads: 3 })).toEqual([
      'kvHeads: expected a divisor or a multiple of ulyssesDegree (4), got 3 (with "hybrid" that many ranks split the heads among them)'])
    expect(messagesOf({ world: 4, algorithm: 'hybrid', ulyssesDegree: 4, kvHeads: 2 })).toEqual([])
  })

  it('takes no offence at fields that the algorithm does not use', () => {
    expect(messagesOf({ world: 4, window: 3, ulyssesDegree: 3, cyclicWidth: 5 })).toEqual([])
  })

  it('DistFlash is for causal contiguous shards', () => {
    const problem = 'algorithm: expected "layout": "contiguous" and "mask": "causal" with "distflash", got "distflash"'
    expect(messagesOf({ algorithm: 'distflash' })[0]).toContain(problem)
    expect(messagesOf({ algorithm: 'distflash', layout: 'contiguous', mask: 'full' })[0]).toContain(problem)
    expect(messagesOf({ algorithm: 'distflash', layout: 'contiguous', lookback: 9 })).toEqual([])
  })

  it('checks what only makes sense together', () => {
    expect(pathsOf({ ...smallest, kvHeads: 3, backend: 'modelled', stragglers: { 5: 2 }, devices: [0] }))
      .toEqual(['devices', 'kvHeads', 'model', 'stragglers.5'])
  })

  it('checks that also where other fields are wrong by themselves, but not against a wrong field', () => {
    expect(pathsOf({ ...smallest, blockQ: 0, kvHeads: 3, backend: 'modelled', stragglers: { 5: 2 } }))
      .toEqual(['blockQ', 'kvHeads', 'model', 'stragglers.5'])
    expect(pathsOf({ ...smallest, heads: 0, kvHeads: 3, world: 0, stragglers: { 5: 2 } })).toEqual(['heads', 'world'])
    expect(pathsOf({ ...smallest, world: 3, algorithm: 'ulysses', ringSets: 0 })).toEqual(['ringSets'])
    expect(pathsOf({ ...smallest, algorithm: 'distflash', layout: 'round', batch: 0, ringSets: 2 })).toEqual(['batch', 'layout'])
  })

  it('takes a rank in one spelling only, the one it is looked up by', () => {
    expect(pathsOf({ ...smallest, stragglers: { '01': 2, 0: 2 } })).toEqual(['stragglers.01'])
    // Rates beyond any machine, from which no finite time would follow.
    expect(pathsOf({ ...smallest, stragglers: { 0: 1e308 }, model: { gflops: 1e-300 }, link: { bandwidthGBps: 1e-320, latencyUs: 1e308 } }))
      .toEqual(['link.bandwidthGBps', 'link.latencyUs', 'model.gflops', 'stragglers.0'])
  })

  it('has no guess for a key without letters', () => {
    expect(checkRunConfig({ ...smallest, 7: 1 }).problems.map(formatProblem)).toEqual(['7: expected no such key, got 1'])
  })

  it.each([[3], [null], [[]], ['text']])('refuses %j as a whole', (input) => {
    const { problems } = checkRunConfig(input)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ path: '', expected: 'a JSON object with the keys of a run configuration' })
  })

  it('throws one error that carries the source and all problems', () => {
    const attempt = (): unknown => parseRunConfig({ ...smallest, world: 0, seed: -1 }, 'my.json')
    expect(attempt).toThrow(InvalidInputError)
    expect(attempt).toThrow(/^my\.json: 2 problems\n {2}world: .*\n {2}seed: /)
  })
})
