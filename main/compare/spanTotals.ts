import { SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { SPAN_FORMS } from '../timeline/traceContent.ts'
import type { SpanTotal } from './measure.ts'

const NS_PER_MS = 1e6
const INSTANT = SPAN_FORMS.indexOf('instant')

/**
 * The name that a span is compared under. Names that differ only in the rank that they name, in the number of a profiler's
 * step or a cluster run's iteration, in an address or in a hash of what was compiled are one, shown with an asterisk; all others stay exact, template arguments
 * too, since those say which kernel ran.
 */
export function comparedName(name: string): string {
  return name
    .replaceAll(/\brank \d+/g, 'rank *')
    .replace(/^(ProfilerStep ?#?|ring attention iteration #)\d+$/, '$1*')
    .replaceAll(/\b0x[\da-f]+\b/gi, '0x*')
    .replaceAll(/\b(?=[a-z\d]*\d)(?=[a-z\d]*[a-z])[a-z\d]{24,}\b/g, '*')
}

/**
 * Counts and summed durations of the spans that begin in a window, by name and category, over all ranks. Marks without
 * length are none.
 * @param windowOf the window of a span, or -1.
 */
export function spanTotals({ spans, strings, trace }: Timeline, windowOf: (span: number) => number): SpanTotal[] {
  const categories = SPAN_CATEGORIES.length
  const count = new Float64Array(strings.length * categories)
  const totalNs = new Float64Array(count.length)
  for (let span = 0; span < spans.count; span++) {
    if (trace !== null && trace.form[span] === INSTANT || windowOf(span) < 0) continue
    const at = spans.name[span] * categories + spans.category[span]
    count[at]++
    totalNs[at] += spans.durationNs[span]
  }
  const totals = new Map<string, { name: string; category: string; count: number; totalMs: number }>()
  for (let at = 0; at < count.length; at++) {
    if (count[at] === 0) continue
    const name = comparedName(strings[Math.floor(at / categories)])
    const category = SPAN_CATEGORIES[at % categories]
    const key = `${category} ${name}`
    const total = totals.get(key) ?? { name, category, count: 0, totalMs: 0 }
    totals.set(key, total)
    total.count += count[at]
    total.totalMs += totalNs[at] / NS_PER_MS
  }
  return [...totals.values()]
}

/** Summed durations in ms by category, of every window. @param windowOf the window of a span that counts, or -1. */
export function categoryTotals({ spans }: Timeline, windows: number, windowOf: (span: number) => number): Readonly<Record<string, number>>[] {
  const totalNs = new Float64Array(windows * SPAN_CATEGORIES.length)
  const seen = new Uint8Array(totalNs.length)
  for (let span = 0; span < spans.count; span++) {
    const window = windowOf(span)
    if (window < 0) continue
    const at = window * SPAN_CATEGORIES.length + spans.category[span]
    totalNs[at] += spans.durationNs[span]
    seen[at] = 1
  }
  return Array.from({ length: windows }, (_, window) => Object.fromEntries(SPAN_CATEGORIES.flatMap((category, code) => {
    const at = window * SPAN_CATEGORIES.length + code
    return seen[at] === 0 ? [] : [[category, totalNs[at] / NS_PER_MS]]
  })))
}
