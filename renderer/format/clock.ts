import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { formatNs } from './quantity.ts'

type ClockRank = NonNullable<TimelineSummary['clock']>['ranks'][number]

/** What was added to a rank's times: `+1.24 ms`. */
export const formatOffset = (offsetNs: number): string => `${offsetNs < 0 ? '-' : '+'}${formatNs(Math.abs(offsetNs))}`

/** How a rank's clock was put on the timeline's, in as few letters as a label has room for: `+1.24 ms ±12.0 µs`. */
export function clockNote({ offsetNs, uncertaintyNs }: Pick<ClockRank, 'offsetNs' | 'uncertaintyNs'>): string {
  if (uncertaintyNs === null) return 'unaligned'
  if (uncertaintyNs === 0) return offsetNs === 0 ? 'reference clock' : formatOffset(offsetNs)
  return `${offsetNs === 0 ? '' : `${formatOffset(offsetNs)} `}±${formatNs(uncertaintyNs)}`
}

/** Notes for the labels of ranks, where there are several to relate. */
export function clockNotes(clock: TimelineSummary['clock']): ReadonlyMap<string, string> {
  return new Map((clock === null || clock.ranks.length < 2 ? [] : clock.ranks).map((rank) => [String(rank.rank), clockNote(rank)]))
}
