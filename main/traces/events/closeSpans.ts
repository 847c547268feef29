import { SPAN_FORMS } from '../../timeline/traceContent.ts'
import type { ArgTables } from './argTables.ts'
import { matchAsync } from './asyncSpans.ts'
import { matchBeginEnd } from './beginEnd.ts'
import type { FilePart, GroupColumns } from './groupColumns.ts'
import { type MarkColumns, type MarkHandlers, takeMarks } from './markColumns.ts'

const UNFINISHED = SPAN_FORMS.indexOf('unfinished')

/** The last moment of a file: when spans end that never do. */
function lastMoment({ startNs, durationNs }: GroupColumns, { from, to }: FilePart, marks: readonly MarkColumns[]): number {
  let lastNs = Number.NEGATIVE_INFINITY
  for (let span = from; span < to; span++) lastNs = Math.max(lastNs, startNs[span] + durationNs[span])
  for (const { timeNs } of marks) for (const time of timeNs) lastNs = Math.max(lastNs, time)
  return lastNs
}

/** Gives the spans of a file that were begun their ends, and the args of these. */
export function closeSpans(columns: GroupColumns, part: FilePart, tables: ArgTables): void {
  const { file, from } = part
  const { repairs, dropped } = file
  const nested = takeMarks(file.marks)
  const async = takeMarks(file.asyncMarks)
  if (nested.count + async.count === 0) return
  const lastNs = lastMoment(columns, part, [nested, async])
  const { durationNs, form, template, digitsAt } = columns

  const handlers = (marks: MarkColumns, names: { readonly open: string; readonly unmatched: string }): MarkHandlers => ({
    onSpan(begin, end) {
      const span = from + marks.span[begin]
      durationNs[span] = marks.timeNs[end] - marks.timeNs[begin]
      if (marks.template[end] === 0) return
      const joined = tables.join({ template: template[span], digitsAt: digitsAt[span] }, { template: marks.template[end], digitsAt: marks.digitsAt[end] })
      template[span] = joined.template
      digitsAt[span] = joined.digitsAt
    },
    onUnfinished(begin, endNs) {
      const span = from + marks.span[begin]
      repairs.add(names.open, marks.offset[begin])
      durationNs[span] = endNs - marks.timeNs[begin]
      form[span] = UNFINISHED
    },
    onUnmatchedEnd(end) {
      dropped.add(names.unmatched, marks.offset[end])
    },
  })
  matchBeginEnd(nested, file.threads.count, lastNs, handlers(nested, { open: 'begin without an end', unmatched: 'end without a begin' }))
  const asyncHandlers = handlers(async, { open: 'async begin without an end', unmatched: 'async end without a begin' })
  matchAsync(async, file.asyncKeys.count, lastNs, {
    ...asyncHandlers,
    onEndBeforeBegin(_, end) {
      // Its time is wrong, so how long the span took is not known: it keeps no length.
      repairs.add('async end before its begin', async.offset[end])
    },
  })
}
