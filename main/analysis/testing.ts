import { createClassifier } from '../classify/classifier.ts'
import { ringTimeline } from '../comm/testing/ringTimeline.ts'
import { ringTrace, type RingTrace, type RingTraceOptions } from '../comm/testing/ringTrace.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { TraceContent } from '../timeline/traceContent.ts'
import { deviceLanes } from './traceRanks.ts'

/** What an imported trace has besides spans, with nothing in it. */
export const traceContentOf = ({ spans: { count } }: Timeline): TraceContent => ({
  fileClocks: [], ranks: [], world: null, clock: { method: 'none', originNs: null, aligned: true },
  args: { templates: [''], template: new Uint32Array(count), digitsAt: new Uint32Array(count), digits: new Uint8Array(0) },
  form: new Uint8Array(count), kind: new Uint8Array(count), kindNames: [''], rulesFrom: null,
  flows: { from: new Uint32Array(0), to: new Uint32Array(0), name: new Uint32Array(0) }, counters: [],
})

/** The same timeline with the kind of every device span, as the importer would have it. */
export function withKinds(timeline: Timeline): Timeline {
  const { spans, strings, trace } = timeline
  if (trace === null) return timeline
  const { classify } = createClassifier()
  const device = deviceLanes(timeline)
  const kindNames = ['']
  const kind = new Uint8Array(spans.count)
  for (let span = 0; span < spans.count; span++) {
    const name = device[spans.lane[span]] === 1 ? classify('kernel', strings[spans.name[span]]).kind : ''
    if (!kindNames.includes(name)) kindNames.push(name)
    kind[span] = kindNames.indexOf(name)
  }
  return { ...timeline, trace: { ...trace, kind, kindNames } }
}

/** A generated ring, on the ranks' true clocks where `skewNs` is 0. @param keep which ranks' files are opened. */
export function ringOf(options: Partial<RingTraceOptions>, keep: (rank: number) => boolean = () => true): { readonly timeline: Timeline; readonly truth: RingTrace['truth'] } {
  const { files, truth } = ringTrace(options)
  return { timeline: withKinds(ringTimeline(files.filter((_, at) => keep(truth.ranks[at].rank)))), truth }
}
