import type { Timeline } from './timeline.ts'

const NS_PER_US = 1000

/**
 * A span's start in its file's own clock: decimal µs with three places, as Trace Event JSON has it. Exact, since whole µs
 * and ns are never added up in one double. Null for runs of our own, whose clock is the timeline's.
 */
export function rawStartMicros({ spans, lanes, trace }: Pick<Timeline, 'spans' | 'lanes' | 'trace'>, span: number): string | null {
  if (trace === null) return null
  const { rank, file = 0 } = lanes[spans.lane[span]]
  const { originMicros, shiftNs } = trace.fileClocks[file]
  const offsetNs = trace.ranks.find((each) => each.rank === rank)?.offsetNs ?? 0
  const sinceNs = spans.startNs[span] - shiftNs - offsetNs
  const wholeMicros = Math.floor(sinceNs / NS_PER_US)
  const nanos = sinceNs - wholeMicros * NS_PER_US
  const totalMicros = originMicros + wholeMicros
  // A negative time's text has the ns that remain to its magnitude, not those above its floor.
  return totalMicros < 0 && nanos > 0
    ? `${totalMicros + 1 === 0 ? '-0' : totalMicros + 1}.${String(NS_PER_US - nanos).padStart(3, '0')}`
    : `${totalMicros}.${String(nanos).padStart(3, '0')}`
}
