import type { ConfigField, Problem } from '../../preload/contract/config.ts'

export interface FieldGroup {
  readonly title: string
  readonly fields: readonly ConfigField[]
}

/**
 * The fields that have an effect with the other values of the draft, and those with a problem: a value that is refused
 * must be seen to be mended.
 */
export function shownFields(fields: readonly ConfigField[], draft: Draft, troubled: ReadonlySet<string>): ConfigField[] {
  return fields.filter(({ path, onlyWith }) =>
    onlyWith === undefined || troubled.has(path) || onlyWith.values.some((value) => value === draft[onlyWith.path]))
}

/** The form's groups in the fields' order. */
export function groupFields(fields: readonly ConfigField[]): FieldGroup[] {
  return [...new Set(fields.map(({ group }) => group))]
    .map((title) => ({ title, fields: fields.filter(({ group }) => group === title) }))
}

/** What the form holds: the text of every input as typed, so that a half-typed or wrong value is never lost. */
export type Draft = Readonly<Record<string, string | boolean>>

function valueAt(config: object, path: string): unknown {
  let value: unknown = config
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function toText(field: ConfigField, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (field.kind === 'json') return JSON.stringify(value)
  if (field.kind === 'list' && Array.isArray(value)) return value.join(', ')
  return typeof value === 'string' ? value : String(value as number | boolean)
}

/** The form's texts for a config. */
export function draftOf(fields: readonly ConfigField[], config: object): Draft {
  return Object.fromEntries(fields.map((field) => {
    const value = valueAt(config, field.path)
    return [field.path, field.kind === 'boolean' ? value === true : toText(field, value)]
  }))
}

/** "0, 7, 16" or "[0, 7, 16]" as numbers; a text that is no list of numbers goes through as it is. */
function listValue(text: string): unknown {
  const values = text.replace(/^\[(.*)\]$/s, '$1').split(/[,\s]+/).filter((part) => part !== '').map(Number)
  return values.length > 0 && values.every(Number.isFinite) ? values : text
}

/**
 * What an input stands for. Texts that are no number or no JSON go through as they are: the checker on the other side
 * says what it expected, so there is one place that judges. `undefined` leaves the key out.
 */
function fieldValue(field: ConfigField, typed: string | boolean): unknown {
  if (typeof typed === 'boolean') return typed
  const text = typed.trim()
  if (text === '') return field.nullable === true ? null : undefined
  if (field.kind === 'integer' || field.kind === 'number') {
    const value = Number(text)
    return Number.isFinite(value) ? value : text
  }
  if (field.kind === 'list') return listValue(text)
  if (field.kind === 'json') {
    try {
      return JSON.parse(text) as unknown
    } catch {
      return text
    }
  }
  return typed
}

/**
 * The config that a draft describes, unchecked. A nested object whose inputs are all empty becomes null
 * (`link.bandwidthGBps` and `link.latencyUs` both empty: `link: null`); with one of them empty that key is left out.
 */
export function configOf(fields: readonly ConfigField[], draft: Draft): Record<string, unknown> {
  const config: Record<string, unknown> = {}
  for (const field of fields) {
    const value = fieldValue(field, draft[field.path] ?? '')
    const [outer, inner] = field.path.split('.')
    if (inner === undefined) {
      if (value !== undefined) config[outer] = value
      continue
    }
    config[outer] ??= null
    if (value !== null && value !== undefined) {
      config[outer] = { ...(config[outer] as Record<string, unknown> | null), [inner]: value }
    }
  }
  return config
}

export interface SortedProblems {
  /** Problems by the path of the field they stand beside. */
  readonly byField: ReadonlyMap<string, readonly Problem[]>
  /** Those that belong to no field of the form. */
  readonly elsewhere: readonly Problem[]
}

/** Finds each problem's field: the same path, a part of it (`stragglers.3`), or the first inside it (`model`). */
export function sortProblems(fields: readonly ConfigField[], problems: readonly Problem[]): SortedProblems {
  const byField = new Map<string, Problem[]>()
  const elsewhere: Problem[] = []
  for (const problem of problems) {
    const field = fields.find(({ path }) => path === problem.path) ??
      fields.find(({ path }) => problem.path.startsWith(`${path}.`)) ??
      (problem.path === '' ? undefined : fields.find(({ path }) => path.startsWith(`${problem.path}.`)))
    if (field === undefined) elsewhere.push(problem)
    else byField.set(field.path, [...byField.get(field.path) ?? [], problem])
  }
  return { byField, elsewhere }
}

/** A problem's text beside its field, where the path need not be said. */
export function describeProblem(problem: Problem): string {
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`
  return `Expected ${problem.expected}, got ${problem.given}${hint}`
}
