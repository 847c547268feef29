import { z } from 'zod'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { ArgLookup } from '../timeline/argLookup.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { dtypeBytes, namedPeer } from './commNames.ts'
import { hostNotes } from './hostNotes.ts'

/** What a trace says of a communication kernel, as it says it: ranks may count within the group. */
export interface CommFacts {
  readonly span: number
  readonly rank: number
  readonly name: string
  /** The lane's tid: the stream. */
  readonly stream: number
  /** `Collective name`, or the annotation around the launch, or XLA's operation. */
  readonly annotated: string | null
  /** The two ends of a send or of a receive, of which one is the rank itself; or both neighbours of a ring step. */
  readonly source: number | null
  readonly destination: number | null
  readonly groupName: string | null
  readonly members: readonly number[] | null
  readonly groupSize: number | null
  readonly bytes: number | null
  readonly sequence: number | null
}

const XLA_OPERATION = /^%?(?:async-)?(?:(?:ragged-)?all-to-all|all-reduce|all-gather|reduce-scatter|collective|send|recv)/
const COLLECTIVE_LIBRARY = /nccl|rccl/i

/** "[0, 1]" as numbers; null for what is no such list, and for a long one that was written with an ellipsis. */
function ranksOf(text: string | null): number[] | null {
  if (text === null || !/^\[\s*\d+(?:\s*,\s*\d+)*\s*\]$/.test(text)) return null
  return text.slice(1, -1).split(',').map(Number)
}

function bytesOf(args: ArgLookup, span: number): number | null {
  const dtype = args.text(span, 'dtype')
  if (dtype === null) return inputBytes(args, span)
  const size = dtypeBytes(dtype)
  const elements = args.number(span, 'In msg nelems') || args.number(span, 'Out msg nelems')
  return size === null || elements === null ? null : elements * size
}

const shapes = z.array(z.array(z.number()))
const typeNames = z.array(z.string())

/** What an annotation such as "nccl:all_to_all" was given, where shapes were recorded: `Input Dims` and `Input type`. */
function inputBytes(args: ArgLookup, span: number): number | null {
  const [dims, types] = [args.json(span, 'Input Dims'), args.json(span, 'Input type')]
  if (dims === null || types === null) return null
  const [given, named] = [shapes.safeParse(JSON.parse(dims)), typeNames.safeParse(JSON.parse(types))]
  if (!given.success || !named.success || given.data.length === 0 || given.data.length !== named.data.length) return null
  let bytes = 0
  for (const [at, shape] of given.data.entries()) {
    const size = dtypeBytes(named.data[at])
    if (size === null || shape.length === 0) return null
    bytes += shape.reduce((product, length) => product * length, size)
  }
  return bytes
}

/** What `Collective name`, `Process Group Ranks` and the like say on a span: a kernel, or the record_param_comms behind it. */
function statedOn(args: ArgLookup, span: number) {
  return {
    annotated: args.text(span, 'Collective name'),
    source: args.number(span, 'Src Rank'), destination: args.number(span, 'Dst Rank'),
    groupName: args.text(span, 'Process Group Name'), members: ranksOf(args.text(span, 'Process Group Ranks')),
    groupSize: args.number(span, 'Group size'), bytes: bytesOf(args, span), sequence: args.number(span, 'Seq'),
  }
}

type Stated = ReturnType<typeof statedOn>

const NOTHING: Stated = {
  annotated: null, source: null, destination: null, groupName: null, members: null, groupSize: null, bytes: null, sequence: null,
}

/** Fills what is missing in the first from the second. */
const complete = (first: Stated, second: Stated): Stated => ({
  annotated: first.annotated ?? second.annotated, source: first.source ?? second.source, destination: first.destination ?? second.destination,
  groupName: first.groupName ?? second.groupName, members: first.members ?? second.members, groupSize: first.groupSize ?? second.groupSize,
  bytes: first.bytes ?? second.bytes, sequence: first.sequence ?? second.sequence,
})

/** Spans of communication on the device lanes of ranks. */
function communicationSpans({ spans, lanes, strings }: Timeline): number[] {
  const device = lanes.map(({ kind, rank }) => kind === 'gpu' && rank !== null)
  const found: number[] = []
  const withLibrary = new Set<number>()
  for (let span = 0; span < spans.count; span++) {
    if (spans.category[span] !== CATEGORY_CODE.communication || !device[spans.lane[span]]) continue
    found.push(span)
    if (COLLECTIVE_LIBRARY.test(strings[spans.name[span]])) withLibrary.add(lanes[spans.lane[span]].rank ?? -1)
  }
  // Where XLA's profiler has the library's kernels, its lines of operations say the same once more.
  return found.filter((span) => !withLibrary.has(lanes[spans.lane[span]].rank ?? -1) || !XLA_OPERATION.test(strings[spans.name[span]]))
}

/** All communication kernels of a trace with what is said of them, by rank, then start. Empty for runs of our own. */
export function commFacts(timeline: Timeline): CommFacts[] {
  const { spans, lanes, strings, trace } = timeline
  if (trace === null) return []
  const args = new ArgLookup(trace.args)
  const rankOf = (span: number): number => lanes[spans.lane[span]].rank ?? -1
  const found = communicationSpans(timeline)
    .sort((a, b) => rankOf(a) - rankOf(b) || spans.startNs[a] - spans.startNs[b] || spans.durationNs[a] - spans.durationNs[b])
  const stated = found.map((span) => statedOn(args, span))
  const untold = found.filter((_, at) => stated[at].annotated === null)
  const notes = hostNotes(timeline, args, untold)
  return found.map((span, at): CommFacts => {
    let facts = stated[at]
    for (const note of notes.get(span) ?? []) {
      const name = strings[spans.name[note]]
      const onNote = statedOn(args, note)
      facts = complete(facts, { ...onNote, ...namedPeer(name), annotated: onNote.annotated ?? (name.includes(':') ? name : null) })
    }
    const operation = args.text(span, 'hlo_op')
    if (operation !== null) facts = complete(facts, { ...NOTHING, annotated: operation })
    return { span, rank: rankOf(span), name: strings[spans.name[span]], stream: lanes[spans.lane[span]].tid, ...facts }
  })
}
