import { ArgLookup } from '../../timeline/argLookup.ts'
import type { Timeline } from '../../timeline/timeline.ts'

interface Gap {
  readonly kind: string
  readonly rank: number
  readonly startNs: number
  /** The device span that begins after it; -1 for none. */
  readonly span: number
}

const keyOf = (rank: number | null, correlation: string): string => `${rank ?? 0} ${correlation}`

/** Launches of device spans by the flow that leads from one to the other. */
function byFlow({ trace, lanes, spans }: Timeline, wanted: ReadonlySet<number>): Map<number, number> {
  const launchOf = new Map<number, number>()
  if (trace === null) return launchOf
  const { from, to } = trace.flows
  for (let at = 0; at < to.length; at++) {
    if (wanted.has(to[at]) && lanes[spans.lane[from[at]]].kind === 'host') launchOf.set(to[at], from[at])
  }
  return launchOf
}

/** The same by the correlation that both carry: arrows are missing in many files. */
function byCorrelation({ trace, lanes, spans }: Timeline, wanted: readonly number[]): Map<number, number> {
  const launchOf = new Map<number, number>()
  if (trace === null || wanted.length === 0) return launchOf
  const args = new ArgLookup(trace.args)
  const deviceOf = new Map<string, number>()
  for (const span of wanted) {
    const correlation = args.text(span, 'correlation')
    if (correlation !== null) deviceOf.set(keyOf(lanes[spans.lane[span]].rank, correlation), span)
  }
  if (deviceOf.size === 0) return launchOf
  for (let span = 0; span < spans.count; span++) {
    const lane = lanes[spans.lane[span]]
    const correlation = lane.kind === 'host' ? args.text(span, 'correlation') : null
    const device = correlation === null ? undefined : deviceOf.get(keyOf(lane.rank, correlation))
    if (device !== undefined) launchOf.set(device, span)
  }
  return launchOf
}

/**
 * Of each gap the host's launch of what came after it, where that launch ended after the gap began: the device waited for
 * the host. -1 where the launch came in time, or is not recorded.
 */
export function lateLaunches(timeline: Timeline, gaps: readonly Gap[]): number[] {
  const wanted = new Set(gaps.filter(({ kind, span }) => kind === 'launch-gap' && span >= 0).map(({ span }) => span))
  if (timeline.trace === null || wanted.size === 0) return gaps.map(() => -1)
  const flows = byFlow(timeline, wanted)
  const correlations = byCorrelation(timeline, [...wanted].filter((span) => !flows.has(span)))
  const { startNs, durationNs } = timeline.spans
  return gaps.map(({ kind, span, startNs: gapNs }) => {
    const launch = kind === 'launch-gap' ? flows.get(span) ?? correlations.get(span) ?? -1 : -1
    return launch >= 0 && startNs[launch] + durationNs[launch] > gapNs ? launch : -1
  })
}
