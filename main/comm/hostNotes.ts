import type { ArgLookup } from '../timeline/argLookup.ts'
import type { Timeline } from '../timeline/timeline.ts'

/** What a host span is to a communication kernel, by its name. */
const NOTE = /^(?:nccl|rccl|hccl|gloo|xccl|ucc|mpi)[:_]|^record_param_comms$/
const LAUNCH = /LaunchKernel|LaunchCooperative|GraphLaunch|launchKernel/

/** Host spans of one thread, in order of their start. */
interface Thread {
  readonly notes: number[]
  /** Launches of the kernels in question, with those kernels. */
  readonly launches: { readonly launch: number; readonly kernel: number }[]
}

/**
 * Host spans that say what a kernel's launch was for, most telling first: the record_param_comms with its External id; the
 * outermost annotation around the launch with the same correlation, and everything of the kind inside that (an annotation
 * of several sends and receives that became one kernel holds theirs).
 * @param kernels spans that say nothing themselves
 * @returns host spans by kernel; kernels without any are absent
 */
export function hostNotes(timeline: Timeline, args: ArgLookup, kernels: readonly number[]): Map<number, readonly number[]> {
  const found = new Map<number, readonly number[]>()
  if (kernels.length === 0) return found
  const { spans, lanes, strings } = timeline
  const byCorrelation = new Map<string, number>()
  const byExternal = new Map<string, number>()
  const rankOf = (span: number): number => lanes[spans.lane[span]].rank ?? -1
  for (const kernel of kernels) {
    const correlation = args.text(kernel, 'correlation')
    const external = args.text(kernel, 'External id') ?? args.text(kernel, 'external id')
    if (correlation !== null) byCorrelation.set(`${rankOf(kernel)} ${correlation}`, kernel)
    if (external !== null) byExternal.set(`${rankOf(kernel)} ${external}`, kernel)
  }

  const role = strings.map((text) => (NOTE.test(text) ? 'note' : LAUNCH.test(text) ? 'launch' : null))
  const threads = new Map<string, Thread>()
  for (let span = 0; span < spans.count; span++) {
    const what = role[spans.name[span]]
    if (what === null) continue
    const { kind, rank, pid, tid } = lanes[spans.lane[span]]
    if (kind !== 'host') continue
    const key = `${rank} ${pid} ${tid}`
    let thread = threads.get(key)
    if (thread === undefined) threads.set(key, thread = { notes: [], launches: [] })
    if (what === 'launch') {
      const kernel = byCorrelation.get(`${rank} ${args.text(span, 'correlation')}`)
      if (kernel !== undefined) thread.launches.push({ launch: span, kernel })
      continue
    }
    thread.notes.push(span)
    const kernel = byExternal.get(`${rank} ${args.text(span, 'External id')}`)
    if (kernel !== undefined && strings[spans.name[span]] === 'record_param_comms') found.set(kernel, [span])
  }
  for (const thread of threads.values()) aroundLaunches(timeline, thread, found)
  return found
}

/** Adds to `found` what lies around the launches of a thread. */
function aroundLaunches({ spans }: Timeline, { notes, launches }: Thread, found: Map<number, readonly number[]>): void {
  const endOf = (span: number): number => spans.startNs[span] + spans.durationNs[span]
  notes.sort((a, b) => spans.startNs[a] - spans.startNs[b] || spans.durationNs[b] - spans.durationNs[a])
  launches.sort((a, b) => spans.startNs[a.launch] - spans.startNs[b.launch])
  // Outermost notes, each with where its inner ones end in the list.
  let at = 0
  for (const { launch, kernel } of launches) {
    const timeNs = spans.startNs[launch]
    while (at < notes.length && endOf(notes[at]) < timeNs) at++
    if (at === notes.length || spans.startNs[notes[at]] > timeNs) continue
    const around = [notes[at]]
    for (let inner = at + 1; inner < notes.length && endOf(notes[inner]) <= endOf(notes[at]); inner++) around.push(notes[inner])
    found.set(kernel, [...(found.get(kernel) ?? []), ...around])
  }
}
