import type { ConfigField } from '../../preload/contract/config.ts'
import type { RouteInput } from '../../preload/contract/routes.ts'
import type { SweepProgress } from '../../preload/contract/sweep.ts'
import { shownFields, type Draft } from './configForm.ts'

export type SweepKind = SweepProgress['kind']
export type SweepStart = RouteInput<'sweep.start'>

/** Stands for the config's sequence length in an axis whose values are tokens per rank: the length follows from how many ranks share it. */
export const SHARD_TOKENS = 'tokens per rank'
/** What the tile's own two inputs vary. */
export const TILE_PATHS: readonly string[] = ['blockQ', 'blockK']
export const MOST_AXES = 4
export const DEFAULT_BLOCKS = '32, 64, 128, 256, 512'

const LARGEST_BLOCK = 1 << 20
const MOST_VALUES = 1000
const MOST_REPEATS = 1000
/** Shards that a sweep of rings suggests, relative to the config's: around it, more towards where hops stop hiding. */
const SHARD_FACTORS = [1 / 8, 1 / 4, 1 / 2, 1, 2] as const
const FACTORS = [1 / 2, 1, 2] as const

/** One axis of the form. */
export interface AxisRow {
  readonly id: number
  /** A config field's path, or {@link SHARD_TOKENS}. */
  readonly path: string
  /** As typed; null while it is what {@link suggestedValues} says. */
  readonly text: string | null
}

/** What axes are read against. */
export interface AxisContext {
  readonly fields: readonly ConfigField[]
  readonly draft: Draft
  /** Tokens of a rank in the config as it is, and ranks that share a sequence; null while the config has no plan. */
  readonly shard: { readonly tokens: number; readonly ranks: number } | null
}

type NumberField = Pick<ConfigField, 'path' | 'label' | 'kind' | 'min' | 'max' | 'unit'>

/** Numbers from a text such as "32, 64 128": ascending, each once. Null where anything in it is no number of the field. */
export function parseNumbers(text: string, { kind, min, max }: Pick<NumberField, 'kind' | 'min' | 'max'>): number[] | null {
  const numbers = text.split(/[\s,;]+/).filter((part) => part !== '').map(Number)
  const fits = (value: number): boolean =>
    Number.isFinite(value) && (kind !== 'integer' || Number.isInteger(value)) && value >= (min ?? -Infinity) && value <= (max ?? Infinity)
  const distinct = [...new Set(numbers)].sort((a, b) => a - b)
  return distinct.length > 0 && distinct.length <= MOST_VALUES && distinct.every(fits) ? distinct : null
}

/** Block sizes from a text such as "32, 64 128"; null where anything in it is none. */
export const parseBlocks = (text: string): number[] | null => parseNumbers(text, { kind: 'integer', min: 1, max: LARGEST_BLOCK })

/** Null where the text is no number of repeats. */
export function parseRepeats(text: string): number | null {
  const numbers = parseNumbers(text, { kind: 'integer', min: 1, max: MOST_REPEATS })
  return numbers?.length === 1 ? numbers[0] : null
}

const shardField = ({ fields }: AxisContext): NumberField => ({
  path: SHARD_TOKENS, label: 'Tokens per rank', kind: 'integer', min: 1, max: fields.find(({ path }) => path === 'seqLen')?.max,
})

/** What an axis may vary: every number of the config that has an effect in it, and of a ring first the shard length. */
export function axisFields(kind: SweepKind, context: AxisContext): NumberField[] {
  const numbers = shownFields(context.fields, context.draft, new Set())
    .filter((field) => field.kind === 'integer' || field.kind === 'number')
    .filter(({ path }) => kind === 'ring' || !TILE_PATHS.includes(path))
  return kind === 'ring' ? [shardField(context), ...numbers] : numbers
}

/** Values around those that the config has. */
export function suggestedValues(field: NumberField, { draft, shard }: AxisContext): string {
  const ofShard = field.path === SHARD_TOKENS
  const typed = draft[field.path]
  const middle = ofShard ? shard?.tokens ?? 0 : Number(typeof typed === 'string' && typed.trim() !== '' ? typed : 1)
  if (!Number.isFinite(middle)) return ''
  const values = (ofShard ? SHARD_FACTORS : FACTORS).map((factor) => {
    const value = middle * factor
    return Math.min(field.max ?? Infinity, Math.max(field.min ?? -Infinity, field.kind === 'integer' ? Math.round(value) : value))
  })
  return [...new Set(values)].join(', ')
}

/** What a row holds: as typed, else as suggested. */
export function textOfRow(row: AxisRow, kind: SweepKind, context: AxisContext): string {
  if (row.text !== null) return row.text
  const field = axisFields(kind, context).find(({ path }) => path === row.path)
  return field === undefined ? '' : suggestedValues(field, context)
}

/** Why a row is no axis; null where it is one. */
export function axisProblem(row: AxisRow, rows: readonly AxisRow[], kind: SweepKind, context: AxisContext): string | null {
  const field = axisFields(kind, context).find(({ path }) => path === row.path)
  if (field === undefined) return `"${row.path}" has no effect in this config: choose another field`
  const earlier = rows.slice(0, rows.indexOf(row))
  if (earlier.some(({ path }) => path === row.path)) return `${field.label} is varied already: give all its values together`
  const sequence = [SHARD_TOKENS, 'seqLen']
  if (sequence.includes(row.path) && earlier.some(({ path }) => sequence.includes(path))) return 'Tokens per rank and the sequence length are the same axis: keep one of them'
  if (parseNumbers(textOfRow(row, kind, context), field) !== null) return null
  const least = field.min === undefined ? '' : ` from ${field.min}`
  const most = field.max === undefined ? '' : ` to ${field.max}`
  return `${field.label}: expected ${field.kind === 'integer' ? 'integers' : 'numbers'}${least}${most} separated by commas`
}

/** The rows as axes of the contract; null where one of them is none. */
export function axesOf(rows: readonly AxisRow[], kind: SweepKind, context: AxisContext): SweepStart['axes'] | null {
  const axes: SweepStart['axes'] = []
  for (const row of rows) {
    const field = axisFields(kind, context).find(({ path }) => path === row.path)
    if (field === undefined || axisProblem(row, rows, kind, context) !== null) return null
    const values = parseNumbers(textOfRow(row, kind, context), field)
    if (values === null) return null
    if (row.path !== SHARD_TOKENS) axes.push({ path: row.path, values })
    else if (context.shard === null) return null
    else axes.push({ path: 'seqLen', values: values.map((tokens) => tokens * (context.shard?.ranks ?? 1)) })
  }
  return axes
}
