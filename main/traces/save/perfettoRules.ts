import { z } from 'zod'

/** What a trace's JSON breaks of the rules that viewers need it to keep. */
export interface RuleViolation {
  readonly rule: 'spans nest or are disjoint' | 'flow ends' | 'tracks are named' | 'unique ids' | 'well-formed events'
  readonly message: string
}

const id = z.union([z.number(), z.string()])
const traceDocument = z.object({
  traceEvents: z.array(z.object({
    ph: z.string(), name: z.string().optional(), cat: z.string().optional(), id: id.optional(), bp: z.string().optional(),
    pid: z.int(), tid: z.int().optional(), ts: z.number().optional(), dur: z.number().optional(),
    args: z.record(z.string(), z.unknown()).optional(),
  })),
})
type Event = z.output<typeof traceDocument>['traceEvents'][number]

interface Slice {
  readonly name: string
  readonly start: number
  readonly end: number
}

const nanos = (micros: number | undefined): number => Math.round((micros ?? Number.NaN) * 1000)
const trackOf = ({ pid, tid }: Event): string => `pid ${pid}, tid ${tid ?? 'none'}`

function slicesByTrack(events: readonly Event[], violations: RuleViolation[]): Map<string, Slice[]> {
  const tracks = new Map<string, Slice[]>()
  for (const event of events) {
    if (event.ph !== 'X') continue
    const slice = { name: event.name ?? '', start: nanos(event.ts), end: nanos(event.ts) + nanos(event.dur) }
    if (Number.isNaN(slice.start) || Number.isNaN(slice.end) || slice.end < slice.start || event.name === undefined) {
      violations.push({ rule: 'well-formed events', message: `a span on ${trackOf(event)} lacks a name, a time or a duration: ${JSON.stringify(event)}` })
      continue
    }
    const slices = tracks.get(trackOf(event))
    if (slices === undefined) tracks.set(trackOf(event), [slice])
    else slices.push(slice)
  }
  return tracks
}

/** Of spans that start together a viewer takes the earlier in the file as the outer one, so the sort must be stable. */
function checkNesting(tracks: ReadonlyMap<string, Slice[]>, violations: RuleViolation[]): void {
  for (const [track, slices] of tracks) {
    const open: Slice[] = []
    for (const slice of slices.toSorted((a, b) => a.start - b.start)) {
      while (open.length > 0 && open[open.length - 1].end <= slice.start) open.pop()
      const outer = open.at(-1)
      if (outer !== undefined && slice.end > outer.end) {
        violations.push({
          rule: 'spans nest or are disjoint',
          message: `${track}: "${slice.name}" (${slice.start} to ${slice.end} ns) overlaps "${outer.name}" (${outer.start} to ${outer.end} ns)`,
        })
      }
      open.push(slice)
    }
  }
}

/** A span without length holds its one instant. */
const inSomeSlice = (slices: readonly Slice[] | undefined, time: number): boolean =>
  slices?.some(({ start, end }) => start === time || (start < time && time < end)) ?? false

function checkFlows(events: readonly Event[], tracks: ReadonlyMap<string, Slice[]>, violations: RuleViolation[]): void {
  const flows = Map.groupBy(events.filter(({ ph }) => ph === 's' || ph === 'f'), ({ cat, name, id: flow }) => `${cat} ${name} ${flow}`)
  for (const [flow, ends] of flows) {
    const starts = ends.filter(({ ph }) => ph === 's')
    const finishes = ends.filter(({ ph }) => ph === 'f')
    if (starts.length > 1 || finishes.length > 1) {
      violations.push({ rule: 'unique ids', message: `flow ${flow} has ${starts.length} starts and ${finishes.length} ends` })
    }
    if (starts.length === 0 || finishes.length === 0) {
      violations.push({ rule: 'flow ends', message: `flow ${flow} has no ${starts.length === 0 ? 'start' : 'end'}` })
      continue
    }
    if (nanos(finishes[0].ts) < nanos(starts[0].ts)) violations.push({ rule: 'flow ends', message: `flow ${flow} ends before it starts` })
    for (const end of ends) {
      if (!inSomeSlice(tracks.get(trackOf(end)), nanos(end.ts))) {
        violations.push({ rule: 'flow ends', message: `flow ${flow}: no span on ${trackOf(end)} holds ${nanos(end.ts)} ns` })
      }
      if (end.ph === 'f' && end.bp !== 'e') violations.push({ rule: 'flow ends', message: `flow ${flow} does not bind to the enclosing span (bp "e")` })
    }
  }
}

function checkNames(events: readonly Event[], violations: RuleViolation[]): void {
  const named = (name: string, key: (event: Event) => string): Map<string, number> => {
    const counts = new Map<string, number>()
    for (const event of events) if (event.ph === 'M' && event.name === name && event.args?.name !== '') counts.set(key(event), (counts.get(key(event)) ?? 0) + 1)
    return counts
  }
  const processes = named('process_name', ({ pid }) => `pid ${pid}`)
  const threads = named('thread_name', trackOf)
  const used = events.filter(({ ph }) => ph !== 'M')
  for (const pid of new Set(used.map((event) => `pid ${event.pid}`))) {
    if (!processes.has(pid)) violations.push({ rule: 'tracks are named', message: `${pid} has no process_name` })
  }
  for (const track of new Set(used.filter(({ ph }) => ph !== 'C').map(trackOf))) {
    if (!threads.has(track)) violations.push({ rule: 'tracks are named', message: `${track} has no thread_name` })
  }
  for (const [track, count] of [...processes, ...threads]) {
    if (count > 1) violations.push({ rule: 'unique ids', message: `${track} is named ${count} times` })
  }
  const tidProcesses = Map.groupBy(events.filter(({ tid }) => tid !== undefined), ({ tid }) => tid)
  for (const [tid, members] of tidProcesses) {
    if (new Set(members.map(({ pid }) => pid)).size > 1) violations.push({ rule: 'unique ids', message: `tid ${tid} is in more than one process` })
  }
  for (const event of events) {
    if (event.pid <= 0 || (event.tid !== undefined && event.tid <= 0)) {
      violations.push({ rule: 'unique ids', message: `${trackOf(event)}: ids of 0 and below are special to viewers` })
      break
    }
  }
}

/**
 * Checks what Perfetto needs of a Trace Event JSON document to draw all of it: spans of a track nest or are disjoint,
 * every flow has both ends and each lies in a span of its track, processes and threads are named once, ids are unique
 * and positive. For traces that we write; those of other tools often break it, and the importer copes.
 * @param document the parsed JSON. @returns all violations; none for a good trace.
 */
export function perfettoViolations(document: unknown): RuleViolation[] {
  const parsed = traceDocument.safeParse(document)
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => ({ rule: 'well-formed events' as const, message: `${path.join('.')}: ${message}` }))
  }
  const { traceEvents } = parsed.data
  const violations: RuleViolation[] = []
  const tracks = slicesByTrack(traceEvents, violations)
  checkNesting(tracks, violations)
  checkFlows(traceEvents, tracks, violations)
  checkNames(traceEvents, violations)
  for (const event of traceEvents) {
    if (event.ph === 'C' && !Object.values(event.args ?? {}).every((value) => typeof value === 'number' && Number.isFinite(value))) {
      violations.push({ rule: 'well-formed events', message: `counter ${event.name}: its values are not all numbers` })
    }
  }
  return violations
}
