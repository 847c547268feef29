import { z } from 'zod'
import { InvalidInputError, quoteValue, type Problem } from '../../kernels/config/problem.ts'
import { checkRunConfig, runConfigSchema, type RunConfig } from '../../kernels/config/runConfig.ts'
import type { SweepAxis } from '../../preload/contract/sweep.ts'
import { applySets } from '../config/setOption.ts'

const SOURCE = 'the sweep\'s axes'
/** Beyond this nobody waits, and nobody reads the report. */
const MOST_COMBINATIONS = 10_000

/** One combination of the axes' values. */
export interface SweptConfig {
  readonly values: Readonly<Record<string, number>>
  readonly config: RunConfig
}

/** What a default, an optional or a nullable field is when it is there. */
function innermost(field: z.core.$ZodType): z.core.$ZodType {
  return field instanceof z.ZodDefault || field instanceof z.ZodOptional || field instanceof z.ZodNullable ? innermost(field.unwrap()) : field
}

/** The schema of the config's number at a path, null where there is none. */
function numberAt(path: string): z.ZodNumber | null {
  let field: z.core.$ZodType = runConfigSchema
  for (const key of path.split('.')) {
    const holder = innermost(field)
    if (holder instanceof z.ZodObject && Object.hasOwn(holder.shape, key)) field = holder.shape[key] as z.core.$ZodType
    else if (holder instanceof z.ZodRecord && z.safeParse(holder.keyType, key).success) field = holder.valueType
    else return null
  }
  const found = innermost(field)
  return found instanceof z.ZodNumber ? found : null
}

function problemsOfAxis({ path, values }: SweepAxis): Problem[] {
  const field = numberAt(path)
  if (field === null) {
    return [{ path, expected: 'a numeric field of the config, such as "headDim", "seqLen" or "link.bandwidthGBps"', given: quoteValue(path) }]
  }
  if (values.length === 0) return [{ path, expected: 'at least one value', given: 'none' }]
  return values.flatMap((value): Problem[] => {
    const parsed = field.safeParse(value)
    return parsed.success ? [] : [{ path, expected: parsed.error.issues[0]?.message ?? 'a number', given: quoteValue(value) }]
  })
}

/**
 * Checks axes against the config's schema.
 * @param taken paths that are varied otherwise
 * @throws InvalidInputError with every problem, each with its path
 */
export function checkAxes(axes: readonly SweepAxis[], taken: readonly string[] = []): void {
  const problems = axes.flatMap((axis, index) => {
    if (taken.includes(axis.path)) return [{ path: axis.path, expected: 'an axis beside the tile\'s two', given: quoteValue(axis.path), hint: 'it has values already' }]
    if (axes.findIndex(({ path }) => path === axis.path) !== index) {
      return [{ path: axis.path, expected: 'every axis once', given: quoteValue(axis.path), hint: 'give all its values together' }]
    }
    return problemsOfAxis(axis)
  })
  if (problems.length > 0) throw new InvalidInputError(SOURCE, problems)
}

/** "headDim 64, seqLen 4096". */
export const describeValues = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values).map(([path, value]) => `${path} ${value}`).join(', ')

function combinations(axes: readonly SweepAxis[]): Record<string, number>[] {
  return axes.reduce<Record<string, number>[]>(
    (soFar, { path, values }) => soFar.flatMap((chosen) => [...new Set(values)].map((value) => ({ ...chosen, [path]: value }))), [{}])
}

/**
 * The configs of all combinations of the axes' values, each checked. As many key/value heads as heads stay as many when heads vary.
 * @throws InvalidInputError that names every combination whose config is refused, before anything is measured
 */
export function configsOf(config: RunConfig, axes: readonly SweepAxis[]): SweptConfig[] {
  const count = axes.reduce((product, { values }) => product * new Set(values).size, 1)
  if (count > MOST_COMBINATIONS) {
    throw new InvalidInputError(SOURCE, [{ path: '', expected: `at most ${MOST_COMBINATIONS} combinations`, given: `${count}` }])
  }
  const problems: Problem[] = []
  const swept = combinations(axes).flatMap((values): SweptConfig[] => {
    const follows = config.kvHeads === config.heads && 'heads' in values && !('kvHeads' in values) ? { kvHeads: values['heads'] } : {}
    const applied = applySets(config, Object.entries({ ...values, ...follows }).map(([path, value]) => `${path}=${value}`))
    const checked = checkRunConfig(applied.input)
    const found = [...applied.problems, ...checked.problems]
    if (checked.config !== null && found.length === 0) return [{ values, config: checked.config }]
    problems.push(...found.map((problem) => ({ ...problem, path: `${describeValues(values)}: ${problem.path}` })))
    return []
  })
  if (problems.length > 0) throw new InvalidInputError(SOURCE, problems)
  return swept
}
