import { describe, expect, it } from 'vitest'
import type { ConfigField } from '../../preload/contract/config.ts'
import { configOf, describeProblem, draftOf, groupFields, shownFields, sortProblems } from './configForm.ts'

const field = (path: string, kind: ConfigField['kind'], nullable = false): ConfigField =>
  ({ path, kind, nullable, label: path, group: 'Problem', help: '' })

const FIELDS = [
  field('name', 'text'), field('world', 'integer'), field('kvHeads', 'integer'), field('overlap', 'boolean'),
  field('lookback', 'json', true), field('stragglers', 'json'), field('model.gflops', 'number', true),
  field('link.bandwidthGBps', 'number', true), field('link.latencyUs', 'number', true),
]

const CONFIG = {
  name: 'two', world: 2, kvHeads: 4, overlap: true, lookback: null, stragglers: { 1: 1.5 },
  model: null, link: { bandwidthGBps: 1.5, latencyUs: 10 },
}

describe('the fields of the form', () => {
  it('stand in groups, in the order in which each group first occurs, and none is left out', () => {
    const groups = groupFields([...FIELDS, { ...field('layout', 'choice'), group: 'Parallelism' }, field('pass', 'choice')])
    expect(groups.map(({ title }) => title)).toEqual(['Problem', 'Parallelism'])
    expect(groups.map(({ fields }) => fields.length)).toEqual([FIELDS.length + 1, 1])
    expect(groups[0].fields.at(-1)?.path).toBe('pass')
  })

  const window: ConfigField = { ...field('window', 'integer'), onlyWith: { path: 'algorithm', values: ['double-ring'] } }
  const shown = (algorithm: string, troubled: readonly string[] = []): string[] =>
    shownFields([field('world', 'integer'), window], { algorithm }, new Set(troubled)).map(({ path }) => path)
  it('are shown where they have an effect', () => {
    expect(shown('double-ring')).toEqual(['world', 'window'])
    expect(shown('ring')).toEqual(['world'])
  })
  it('are shown all the same while their value is refused', () => expect(shown('ring', ['window'])).toEqual(['world', 'window']))
})

describe('a list of numbers', () => {
  const boundaries = field('cuSeqlens', 'list', true)
  const typed = (text: string): unknown => configOf([boundaries], { cuSeqlens: text }).cuSeqlens
  it('is written with commas and read back', () => {
    expect(draftOf([boundaries], { cuSeqlens: [0, 7, 16] })).toEqual({ cuSeqlens: '0, 7, 16' })
    expect(typed('0, 7, 16')).toEqual([0, 7, 16])
  })
  it('may be typed with spaces alone, or as JSON', () => {
    expect(typed(' 0 7  16 ')).toEqual([0, 7, 16])
    expect(typed('[0,7,16]')).toEqual([0, 7, 16])
    expect(typed('5')).toEqual([5])
  })
  it('is null when nothing is typed', () => expect(typed('  ')).toBeNull())
  it('goes through as typed where it is none, for the checker to refuse', () => {
    expect(typed('0, seven')).toBe('0, seven')
    expect(typed('[]')).toBe('[]')
    expect(typed('auto')).toBe('auto')
  })
})

describe('a config and the form', () => {
  it('come back from each other unchanged', () => {
    expect(configOf(FIELDS, draftOf(FIELDS, CONFIG))).toEqual(CONFIG)
  })
  it('leaves out an empty field that has a default, and makes an empty nullable one null', () => {
    const draft = { ...draftOf(FIELDS, CONFIG), kvHeads: '', lookback: '' }
    const config = configOf(FIELDS, draft)
    expect(config).not.toHaveProperty('kvHeads')
    expect(config.lookback).toBeNull()
  })
  it('makes a group null only when all of it is empty', () => {
    const half = { ...draftOf(FIELDS, CONFIG), 'link.latencyUs': '' }
    expect(configOf(FIELDS, half).link).toEqual({ bandwidthGBps: 1.5 })
    expect(configOf(FIELDS, { ...half, 'link.bandwidthGBps': ' ' }).link).toBeNull()
  })
  it('passes on what is no number and no JSON, for the checker to refuse', () => {
    const config = configOf(FIELDS, { ...draftOf(FIELDS, CONFIG), world: 'two', stragglers: '{1:' })
    expect(config.world).toBe('two')
    expect(config.stragglers).toBe('{1:')
  })
})

describe('problems', () => {
  const problem = (path: string) => ({ path, expected: 'x', given: 'y' })
  it('stand beside their field, exact, inside or around', () => {
    const sorted = sortProblems(FIELDS, ['world', 'stragglers.3', 'model', 'wrld', ''].map(problem))
    expect([...sorted.byField.keys()]).toEqual(['world', 'stragglers', 'model.gflops'])
    expect(sorted.elsewhere.map(({ path }) => path)).toEqual(['wrld', ''])
  })
  it('say what was expected, what was given and the hint', () => {
    expect(describeProblem({ path: 'a', expected: '1', given: '2', hint: 'try 1' })).toBe('Expected 1, got 2 (try 1)')
  })
})
