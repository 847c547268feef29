import type { Comparison, MetricRow } from '../../preload/contract/compare.ts'
import { METRICS } from './metrics.ts'

/** What a comparison must not show: a change of a metric against the base. */
export interface Condition {
  /** As it was written. */
  readonly text: string
  readonly metric: string
  readonly op: '>' | '>=' | '<' | '<='
  /** Signed: "<-5%" is a fall of more than 5 %. */
  readonly limit: number
  /** Relative to the base, in percent, or absolute, in the metric's unit. */
  readonly relative: boolean
  /** The unit as written, "" for none: that of the metric. */
  readonly unit: string
}

/** A condition that holds of a source. Changes and limits in percent of the base, or in the metric's unit. */
export interface FailedCondition {
  readonly condition: string
  readonly metric: string
  /** Whether value and limit are in percent of the base. */
  readonly relative: boolean
  /** Position among the sources. */
  readonly source: number
  readonly value: number
  readonly limit: number
  /** Whether the change is larger than what the windows scatter; null where a single window says nothing of noise. */
  readonly significant: boolean | null
}

/** A condition that cannot be judged: not well formed, or of a metric that is not there. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError'
}

const GRAMMAR = /^\s*([A-Za-z][\w.-]*?)\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*(%|points?|pp|ms|µs|us|s|bytes|B|KiB|MiB|GiB|GFLOP\/s)?\s*$/

/** Factors to the metric's unit. */
const UNITS: Readonly<Record<MetricRow['unit'], Readonly<Record<string, number>>>> = {
  ms: { ms: 1, us: 1e-3, 'µs': 1e-3, s: 1e3 },
  '%': { point: 1, points: 1, pp: 1 },
  bytes: { B: 1, bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
  'GFLOP/s': { 'GFLOP/s': 1 },
  '': {},
}

/**
 * Parses `<metric><op><value><unit>`, such as "makespan>5%", "waitPeer>0.5ms", "overlapRatio<-5points".
 * @throws ConditionError for what is none, or is of a metric that nothing has.
 */
export function parseCondition(text: string): Condition {
  const found = GRAMMAR.exec(text)
  if (found === null) {
    throw new ConditionError(`"${text}" is no condition: expected <metric><op><value><unit> with op one of > >= < <=, ` +
      `such as "makespan>5%" (relative to the first), "waitPeer>0.5ms" or "overlapRatio<-5points" (absolute changes); units are %, ${Object.values(UNITS).flatMap(Object.keys).join(', ')}`)
  }
  const [, metric, op, value, unit = ''] = found
  if (!METRICS.some(({ id }) => id === metric) && !/^(?:category|kind)\../.test(metric)) {
    throw new ConditionError(`"${text}": there is no metric "${metric}"; expected one of ${METRICS.map(({ id }) => id).join(', ')}, or category.<name> or kind.<name>`)
  }
  return { text: text.trim(), metric, op: op as Condition['op'], limit: Number(value), relative: unit === '%', unit }
}

const HOLDS: Readonly<Record<Condition['op'], (value: number, limit: number) => boolean>> = {
  '>': (value, limit) => value > limit, '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit, '<=': (value, limit) => value <= limit,
}

function rowOf({ metrics }: Comparison, { metric, text }: Condition): MetricRow {
  const row = metrics.find(({ id }) => id === metric)
  if (row !== undefined) return row
  throw new ConditionError(`"${text}": these have no metric "${metric}"; they have ${metrics.map(({ id }) => id).join(', ')}`)
}

function factorOf({ text, unit, relative }: Condition, row: MetricRow): number {
  if (relative || unit === '') return 1
  const factor = UNITS[row.unit][unit] as number | undefined
  if (factor !== undefined) return factor
  const known = Object.keys(UNITS[row.unit])
  throw new ConditionError(`"${text}": ${row.id} has no unit "${unit}"; expected % for a relative change${known.length === 0 ? '' : `, or ${known.join(', ')}`}`)
}

/**
 * The conditions that hold of any source, of every source but the base. The medians decide; whether a change is within
 * the noise is told beside it.
 * @throws ConditionError where a condition is of a metric or a unit that is not there, or that a source or the base lacks.
 */
export function failedConditions(comparison: Comparison, conditions: readonly Condition[]): FailedCondition[] {
  return conditions.flatMap((condition) => {
    const row = rowOf(comparison, condition)
    const limit = condition.limit * factorOf(condition, row)
    return row.deltas.flatMap((delta, source): FailedCondition[] => {
      if (source === 0) return []
      if (delta === null) {
        const lacking = comparison.sources[row.values[0] === null ? 0 : source]
        throw new ConditionError(`"${condition.text}": ${lacking.title} has no ${row.id}${row.label.toLowerCase() === row.id ? '' : ` (${row.label.toLowerCase()})`}, so the condition cannot be judged`)
      }
      // From 0 to something is a change without measure: larger than any limit.
      const relative = delta.absolute === 0 ? 0 : delta.relative === null ? delta.absolute * Number.POSITIVE_INFINITY : delta.relative * 100
      const value = condition.relative ? relative : delta.absolute
      return HOLDS[condition.op](value, limit) ? [{ condition: condition.text, metric: row.id, relative: condition.relative, source, value, limit, significant: delta.significant }] : []
    })
  })
}
