import { basename } from 'node:path'
import type { ComparedSource, Comparison, MetricRow, SpanRow } from '../../../../preload/contract/compare.ts'
import type { FailedCondition } from '../../../compare/conditions.ts'
import { type Column, formatSections, formatTable } from './table.ts'
import { formatBytes, formatGflops, formatMs, NONE, significant } from './units.ts'

const MOST_SPANS = 15
const MOST_MISSING = 8
const MOST_PARTS = 3
const WIDEST_NAME = 60

const WINDOWS: Readonly<Record<ComparedSource['windowKind'], string>> = {
  iterations: 'measured iterations', 'profiler-steps': 'profiler steps', 'ring-passes': 'ring passes', whole: 'window, all of it',
}

/** A, B, C...: paths are too long for columns. */
const letter = (source: number): string => String.fromCharCode(65 + source)

function formatValue(value: number | null, unit: MetricRow['unit']): string {
  if (value === null) return NONE
  switch (unit) {
    case 'ms': return formatMs(value)
    case '%': return `${significant(value)} %`
    case 'bytes': return value < 0 ? `-${formatBytes(-value)}` : formatBytes(value)
    case 'GFLOP/s': return formatGflops(value)
    case '': return significant(value)
  }
}

const signed = (text: string, value: number): string => (value > 0 ? `+${text}` : text)

function formatDelta(row: MetricRow, source: number): string {
  const delta = row.deltas[source]
  if (delta === null) return NONE
  if (delta.absolute === 0) return '='
  // A relative change of a share misleads: from 1 % to 2 % is one point.
  if (row.unit === '%') return signed(`${significant(delta.absolute)} points`, delta.absolute)
  const change = delta.relative === null ? signed(formatValue(delta.absolute, row.unit), delta.absolute)
    : signed(`${significant(delta.relative * 100)} %`, delta.relative)
  return delta.significant === false ? `(${change})` : change
}

function formatParts(row: MetricRow, source: number): string {
  const parts = row.deltas[source]?.parts ?? []
  return parts.slice(0, MOST_PARTS).map(({ rank, step, delta }) =>
    `rank ${rank}${step === null ? '' : ` step ${step}`} ${signed(row.unit === '%' ? `${significant(delta)} points` : formatValue(delta, row.unit), delta)}`).join(', ')
}

function sourcesSection({ sources }: Comparison): string {
  return sources.map(({ id, kind, modelled, ranks, windows, windowKind }, at) =>
    `${letter(at)}  ${id}: ${modelled && kind === 'run' ? 'modelled run' : kind} of ${ranks} ${ranks === 1 ? 'rank' : 'ranks'}, ${windows.length} ${WINDOWS[windowKind]}${at === 0 ? ' (the base)' : ''}`).join('\n')
}

function metricsSection({ sources, metrics }: Comparison): string {
  const [, ...others] = sources.keys()
  // Parts of one rank alone say nothing.
  const several = sources.some(({ ranks }) => ranks > 1)
  const columns: Column[] = [
    { header: 'metric', align: 'left' },
    ...[...sources.keys()].map((at) => ({ header: letter(at) })),
    ...others.map((at) => ({ header: `${letter(at)} to A` })),
    ...several ? others.map((at): Column => ({ header: `most of ${letter(at)}'s from`, align: 'left' })) : [],
  ]
  const rows = metrics.filter(({ values }) => values.some((value) => value !== null && value !== 0)).map((row) => [
    row.id,
    ...row.values.map((value, at) => {
      const noise = row.noise[at]
      return `${formatValue(value, row.unit)}${noise === null || noise === 0 ? '' : ` ± ${formatValue(noise, row.unit)}`}`
    }),
    ...others.map((at) => formatDelta(row, at)),
    ...several ? others.map((at) => formatParts(row, at)) : [],
  ])
  return `per window; medians ± MAD over the windows, changes in brackets are within the noise\n\n${formatTable(columns, rows)}`
}

const shortened = (name: string): string => (name.length <= WIDEST_NAME ? name : `${name.slice(0, WIDEST_NAME - 1)}…`)
const perWindow = (count: number): string => (Number.isInteger(count) ? `${count}` : count.toFixed(1))

function spansTable(sources: Comparison['sources'], rows: readonly SpanRow[]): string {
  const columns: Column[] = [
    { header: 'span', align: 'left' }, { header: 'category', align: 'left' },
    ...[...sources.keys()].flatMap((at) => [{ header: `count ${letter(at)}` }, { header: `total ${letter(at)}` }]),
  ]
  return formatTable(columns, rows.map((row) =>
    [shortened(row.name), row.category, ...row.counts.flatMap((count, at) => [perWindow(count), formatMs(row.totalMs[at])])]))
}

function spansSection({ sources, spans, moreSpans }: Comparison): string | null {
  if (spans.length === 0) return null
  const rest = spans.length + moreSpans - MOST_SPANS
  return `spans that differ most, per window, over all ranks\n\n${spansTable(sources, spans.slice(0, MOST_SPANS))}` +
    (rest > 0 ? `\n... and ${rest} more names; --json has all` : '')
}

function missingSection({ sources, spans, moreSpans }: Comparison): string | null {
  const missing = spans.filter(({ missingIn }) => missingIn.length > 0)
  if (missing.length === 0) return null
  const counts = [...sources.keys()].map((at) => `${spans.filter(({ missingIn }) => missingIn.includes(at)).length} names are not in ${letter(at)}`)
  return `spans that only some have${moreSpans > 0 ? ', among the largest' : ''}: ${counts.join(', ')}\n\n${spansTable(sources, missing.slice(0, MOST_MISSING))}`
}

/** A comparison for people. */
export function formatComparison(comparison: Comparison): string {
  const { verdicts, warnings } = comparison
  return formatSections([
    sourcesSection(comparison),
    verdicts.map(({ source, sentence }) => `${letter(source)}: ${sentence}`).join('\n'),
    warnings.map((warning) => `warning: ${warning}`).join('\n'),
    metricsSection(comparison),
    spansSection(comparison),
    missingSection(comparison),
  ])
}

/** Why a comparison fails, in a sentence. */
export function describeFailure({ sources, metrics }: Comparison, { condition, metric, relative, source, value, limit, significant: beyond }: FailedCondition): string {
  const row = metrics.find(({ id }) => id === metric)
  const unit = relative ? ' %' : row?.unit === '%' ? ' points' : row === undefined || row.unit === '' ? '' : ` ${row.unit}`
  const noise = beyond === null ? 'nothing is known of the noise' : beyond ? 'beyond the noise' : 'within the noise: repeat it before you believe it'
  return `failed: ${condition}: ${basename(sources[source].id)} changed by ${signed(Number.isFinite(value) ? significant(value) : String(value), value)}${unit}, the limit is ${significant(limit)}${unit} (${noise})`
}
