import { describe, expect, it } from 'vitest'
import type { ConfigField } from '../../preload/contract/config.ts'
import { configOf, describeProblem, draftOf, groupFields, sortProblems } from './configForm.ts'

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

describe('the groups of the form', () => {
  const choice = (path: string, available: number): ConfigField => ({
    ...field(path, 'choice'), choices: ['a', 'b', 'c'].map((value, at) => ({ value, available: at < available })),
  })
  const groups = groupFields([...FIELDS, choice('pass', 1), { ...choice('layout', 2), group: 'Parallelism' }])
  const paths = groups.map(({ fields }) => fields.map(({ path }) => path))
  it('end with the fields that this version holds at one value', () => {
    expect(groups.map(({ title, held }) => [title, held]))
      .toEqual([['Problem', false], ['Parallelism', false], ['One value in this version', true]])
    expect(paths.at(-1)).toEqual(['lookback', 'pass'])
    expect(paths[1]).toEqual(['layout'])
  })
  it('leave no field out', () => expect(paths.flat()).toHaveLength(FIELDS.length + 2))
  it('have no empty group', () => expect(groupFields([field('world', 'integer')])).toHaveLength(1))
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
