import { PAYLOADS, SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import type { CommSplit, Communication } from '../../comm/comm.ts'
import { orderByLane } from '../../timeline/laneOrder.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { SPAN_FORMS } from '../../timeline/traceContent.ts'
import { ArgTexts } from '../events/argTexts.ts'
import { csvLine, type CsvValue } from './csv.ts'

/**
 * The columns of a CSV of spans. Times are ns on the timeline's clock; a field that does not apply is empty. `laneKind`,
 * `form`, `kind` and `args` (the JSON object of its file, on one line) are of imported traces; `waitNs`, `transferNs`, `waitEstimated` and
 * `waitedForRank` of their communication kernels; `iteration` to `flops` of runs of our own.
 */
export const SPAN_COLUMNS = [
  'rank', 'lane', 'laneKind', 'category', 'kind', 'form', 'name', 'startNs', 'durationNs',
  'waitNs', 'transferNs', 'waitEstimated', 'waitedForRank',
  'iteration', 'step', 'peer', 'hop', 'payload', 'bytes', 'flops', 'cpuNs', 'args',
] as const

/** -1 stands for "does not apply" in columns of whole numbers. */
const known = (value: number): number | null => (value === -1 ? null : value)

/** Every span as a line of CSV, lane by lane and by start, after a line of column names. */
export function* csvSpans(timeline: Timeline, communication: Communication | null): Generator<string> {
  const { spans, lanes, strings, trace } = timeline
  const args = trace === null ? null : new ArgTexts(trace.args, { oneLine: true })
  const splitOf = new Map<number, CommSplit>()
  for (const split of communication?.splits ?? []) splitOf.set(communication?.kernels[split.kernel].span ?? -1, split)
  yield csvLine(SPAN_COLUMNS)
  for (const [lane, order] of orderByLane(spans, lanes.length).entries()) {
    const { rank, name: laneName, kind: laneKind = null } = lanes[lane]
    for (const span of order) {
      const split = splitOf.get(span)
      const row: Record<(typeof SPAN_COLUMNS)[number], CsvValue> = {
        rank, lane: laneName, laneKind, category: SPAN_CATEGORIES[spans.category[span]],
        kind: trace === null || trace.kind[span] === 0 ? null : trace.kindNames[trace.kind[span]],
        form: trace === null ? null : SPAN_FORMS[trace.form[span]],
        name: strings[spans.name[span]], startNs: spans.startNs[span], durationNs: spans.durationNs[span],
        waitNs: split?.waitNs ?? null, transferNs: split?.transferNs ?? null,
        waitEstimated: split === undefined ? null : split.method === 'estimate', waitedForRank: split?.waitedFor ?? null,
        iteration: known(spans.iteration[span]), step: known(spans.step[span]), peer: known(spans.peer[span]), hop: known(spans.hop[span]),
        payload: spans.payload[span] === 0 ? null : PAYLOADS[spans.payload[span]],
        bytes: spans.bytes[span], flops: spans.flops[span], cpuNs: spans.cpuNs[span], args: args?.of(span) ?? null,
      }
      yield csvLine(SPAN_COLUMNS.map((column) => row[column]))
    }
  }
}
