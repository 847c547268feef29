import { type ArgColumns } from './traceContent.ts'
import { argColumnsOf } from './testArgs.ts'
import { type Lane, type NewSpan, type Timeline, TimelineBuilder } from './timeline.ts'

/** A span of an imported trace in a test: its name as text, and its args as written, null for none. */
export type TraceSpan = Omit<NewSpan, 'name'> & { readonly name: string; readonly args?: string | null }

/** An imported trace, as the importer makes it: `flows` are pairs of span indices with a name. */
export function traceOf({ lanes, spans, flows = [], templateLimit }: {
  readonly lanes: readonly Lane[]
  readonly spans: readonly TraceSpan[]
  readonly flows?: readonly (readonly [from: number, to: number, name: string])[]
  readonly templateLimit?: number
}): Timeline {
  const builder = new TimelineBuilder('trace', 'trace')
  for (const lane of lanes) builder.addLane(lane)
  for (const { name, args: _, ...span } of spans) builder.append({ ...span, name: builder.intern(name) })
  const sorted = flows.toSorted(([a], [b]) => spans[a].startNs - spans[b].startNs)
  const name = Uint32Array.from(sorted, ([, , text]) => builder.intern(text))
  const args: ArgColumns = argColumnsOf(spans.map((span) => span.args ?? null), templateLimit)
  return {
    ...builder.timeline(null),
    trace: {
      fileClocks: [{ originMicros: 0, shiftNs: 0 }], ranks: [], world: null, clock: { method: 'one file', originNs: null, aligned: true },
      args, form: new Uint8Array(spans.length), kind: new Uint8Array(spans.length), kindNames: [''], rulesFrom: null,
      flows: { from: Uint32Array.from(sorted, ([from]) => from), to: Uint32Array.from(sorted, ([, to]) => to), name }, counters: [],
    },
  }
}
