import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { checkRunConfig, runConfigSchema } from '../../kernels/config/runConfig.ts'
import { CONFIG_FIELDS } from './fields.ts'

/** Every leaf key: objects with keys of their own (`model`, `link`) by their keys. */
function schemaPaths(): string[] {
  return Object.entries(runConfigSchema.shape).flatMap(([key, schema]) => {
    let inner: unknown = schema
    while (inner instanceof z.ZodDefault || inner instanceof z.ZodNullable) inner = inner.unwrap()
    return inner instanceof z.ZodObject ? Object.keys(inner.shape).map((child) => `${key}.${child}`) : [key]
  })
}

/** Problems at `path` when only that key is set; large powers of two so that every bound that must divide one does. */
function problemsOf(path: string, value: unknown): string[] {
  const config: Record<string, unknown> = {
    world: 1024, batch: 1024, seqLen: 64, heads: 1024, headDim: 8, model: { gflops: 1 }, link: { bandwidthGBps: 1, latencyUs: 0 },
  }
  const [outer, inner] = path.split('.')
  if (inner === undefined) config[outer] = value
  else config[outer] = { ...(config[outer] as object), [inner]: value }
  return checkRunConfig(config).problems.filter((problem) => problem.path === path || problem.path === outer).map((problem) => problem.expected)
}

const numeric = CONFIG_FIELDS.filter((field) => field.kind === 'integer' || field.kind === 'number')

describe('config fields', () => {
  test('there is one for every key of the schema, and none beside', () => {
    const paths = CONFIG_FIELDS.map((field) => field.path)
    expect(new Set(paths).size).toBe(paths.length)
    expect([...paths].sort()).toEqual(schemaPaths().sort())
  })

  test.each(numeric)('$path: the bounds are the schema\'s', ({ path, kind, min, max }) => {
    if (min === undefined) throw new Error(`${path} has no lower bound`)
    expect(problemsOf(path, min - 1)).not.toEqual([])
    if (kind === 'integer') {
      expect(problemsOf(path, min)).toEqual([])
      expect(problemsOf(path, min + 0.5)).not.toEqual([])
      if (max === undefined) throw new Error(`${path} has no upper bound`)
      expect(problemsOf(path, max)).toEqual([])
      expect(problemsOf(path, max + 1)).not.toEqual([])
    } else {
      expect(problemsOf(path, min + 1e-9)).toEqual([])
      expect(max).toBeUndefined()
      expect(problemsOf(path, 1e12)).toEqual([])
    }
  })

  test.each(CONFIG_FIELDS.filter((field) => field.kind === 'choice'))('$path: every choice of the schema is offered', ({ path, choices = [] }) => {
    const schema: unknown = Object.entries(runConfigSchema.shape).find(([key]) => key === path)?.[1]
    const inner: unknown = schema instanceof z.ZodDefault ? schema.unwrap() : schema
    expect(inner).toBeInstanceOf(z.ZodEnum)
    expect(choices.map(({ value }) => value)).toEqual((inner as z.ZodEnum).options)
    for (const { label } of choices) expect(label).not.toBe('')
  })

  test('a field that only has an effect with others names choices that exist', () => {
    const conditional = CONFIG_FIELDS.filter(({ onlyWith }) => onlyWith !== undefined)
    expect(conditional.map(({ path }) => path)).toEqual(['lookback', 'window', 'ulyssesDegree', 'cyclicWidth'])
    for (const { onlyWith } of conditional) {
      const choices = CONFIG_FIELDS.find(({ path }) => path === onlyWith?.path)?.choices?.map(({ value }) => value)
      expect(choices).toEqual(expect.arrayContaining([...onlyWith?.values ?? []]))
    }
  })

  test.each(CONFIG_FIELDS.filter((field) => field.kind === 'boolean'))('$path is true or false', ({ path }) => {
    expect([true, false].flatMap((value) => problemsOf(path, value))).toEqual([])
    expect(problemsOf(path, 'yes')).not.toEqual([])
  })

  test.each(CONFIG_FIELDS)('$path: empty means null exactly where the schema takes null', ({ path, nullable }) => {
    const [outer] = path.split('.')
    expect(problemsOf(outer, null).length === 0).toBe(nullable === true)
  })

  test('every help is one sentence', () => {
    for (const { help } of CONFIG_FIELDS) expect(help).toMatch(/^[A-Z][^.]*(\.\d[^.]*)*\.$/)
  })
})
