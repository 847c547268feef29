import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { SpanDetails } from '../../preload/contract/timeline.ts'
import { depthOfSpan } from './knownIndex.ts'
import type { Timeline } from './timeline.ts'

const MOST_FLOWS = 100

type SpanFlow = SpanDetails['flows'][number]

/** The other end of a span's hop in our own runs; -1 where there is none. */
function hopPartner({ count, hop, category }: Timeline['spans'], span: number): number {
  const other = category[span] === CATEGORY_CODE.send ? CATEGORY_CODE.recv : category[span] === CATEGORY_CODE.recv ? CATEGORY_CODE.send : -1
  if (hop[span] < 0 || other < 0) return -1
  for (let index = 0; index < count; index++) {
    if (hop[index] === hop[span] && category[index] === other) return index
  }
  return -1
}

/**
 * Spans that a hop or a flow of the trace leads to from a span, then those that one comes from; 100 at most.
 * A pass over the timeline's flows.
 */
export function flowsOfSpan(timeline: Timeline, span: number): SpanFlow[] {
  const { spans, lanes, strings, trace } = timeline
  const flows: SpanFlow[] = []
  const add = (direction: SpanFlow['direction'], kind: string, other: number): void => {
    const laneIndex = spans.lane[other]
    const { rank, name } = lanes[laneIndex]
    flows.push({
      direction, kind, spanIndex: other, name: strings[spans.name[other]], rank, lane: name, laneIndex, depth: depthOfSpan(timeline, other),
      startNs: spans.startNs[other],
    })
  }
  const partner = hopPartner(spans, span)
  if (partner >= 0) add(spans.category[span] === CATEGORY_CODE.send ? 'to' : 'from', 'hop', partner)
  if (trace !== null) {
    const { from, to, name } = trace.flows
    for (let flow = from.indexOf(span); flow >= 0 && flows.length < MOST_FLOWS; flow = from.indexOf(span, flow + 1)) add('to', strings[name[flow]], to[flow])
    for (let flow = to.indexOf(span); flow >= 0 && flows.length < MOST_FLOWS; flow = to.indexOf(span, flow + 1)) add('from', strings[name[flow]], from[flow])
  }
  return flows
}
