import { describe, expect, it } from 'vitest'
import { formatProblem, InvalidInputError } from './problem.ts'
import { checkRunConfig, parseRunConfig } from './runConfig.ts'

const smallest = { world: 2, seqLen: 64, heads: 4, headDim: 16 }

const pathsOf = (input: unknown): string[] => checkRunConfig(input).problems.map((problem) => problem.path).toSorted()

describe('parseRunConfig', () => {
  it('fills in every default from the four fields that have none', () => {
    expect(parseRunConfig(smallest, 'test')).toEqual({
      name: 'untitled', world: 2, algorithm: 'ring', window: 1, ulyssesDegree: 1, ringSets: 1, layout: 'zigzag',
      mask: 'causal', lookback: null, keyPadding: null, batch: 1, seqLen: 64, heads: 4, kvHeads: 4, headDim: 16,
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

  it('names what exists in the field but not in this version', () => {
    const [problem] = checkRunConfig({ ...smallest, algorithm: 'double-ring' }).problems
    expect(problem?.expected).toContain('"double-ring", "ulysses", "hybrid": not in this version')
  })

  it('checks what only makes sense together', () => {
    expect(pathsOf({ ...smallest, kvHeads: 3, backend: 'modelled', stragglers: { 5: 2 }, devices: [0] }))
      .toEqual(['devices', 'kvHeads', 'model', 'stragglers.5'])
  })

  it('checks that also where other fields are wrong by themselves, but not against a wrong field', () => {
    expect(pathsOf({ ...smallest, blockQ: 0, kvHeads: 3, backend: 'modelled', stragglers: { 5: 2 } }))
      .toEqual(['blockQ', 'kvHeads', 'model', 'stragglers.5'])
    expect(pathsOf({ ...smallest, heads: 0, kvHeads: 3, world: 0, stragglers: { 5: 2 } })).toEqual(['heads', 'world'])
  })

  it('takes a rank in one spelling only, the one it is looked up by', () => {
    expect(pathsOf({ ...smallest, stragglers: { '01': 2, 0: 2 } })).toEqual(['stragglers.01'])
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
