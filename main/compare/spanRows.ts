import type { SpanRow } from '../../preload/contract/compare.ts'
import type { TimelineMeasure } from './measure.ts'

/** How far the sources of a row lie apart, in ms per window. */
const spread = ({ totalMs }: SpanRow): number => Math.max(...totalMs) - Math.min(...totalMs)
const countSpread = ({ counts }: SpanRow): number => Math.max(...counts) - Math.min(...counts)

/** Spans by name and category, of all ranks, means per window; largest difference first, then by difference of counts and name. */
export function spanRows(measures: readonly TimelineMeasure[]): SpanRow[] {
  const rows = new Map<string, { name: string; category: string; counts: number[]; totalMs: number[] }>()
  for (const [at, { spans, windows }] of measures.entries()) {
    const count = Math.max(1, windows.length)
    for (const { name, category, ...total } of spans) {
      const key = `${category} ${name}`
      const row = rows.get(key) ?? { name, category, counts: measures.map(() => 0), totalMs: measures.map(() => 0) }
      rows.set(key, row)
      row.counts[at] = total.count / count
      row.totalMs[at] = total.totalMs / count
    }
  }
  return [...rows.values()]
    .map((row): SpanRow => ({ ...row, missingIn: [...row.counts.keys()].filter((at) => row.counts[at] === 0) }))
    .sort((a, b) => spread(b) - spread(a) || countSpread(b) - countSpread(a) || (a.name < b.name ? -1 : 1))
}
