import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { searchTimeline } from '../main/timeline/search.ts'
import { buildSpanIndex } from '../main/timeline/spanIndex.ts'
import type { Timeline } from '../main/timeline/timeline.ts'
import { adoptIndex, queryViewport } from '../main/timeline/viewport.ts'
import { openTrace } from '../main/traces/open/openTraces.ts'

/** The process of the import bench that opens one file, so that its memory is that of this file alone. */
const task = z.object({ path: z.string(), queries: z.number(), searches: z.array(z.string()) })

export interface Opened {
  readonly spans: number
  readonly openMs: number
  readonly indexMs: number
  /** Resident set before opening, and at its highest since. */
  readonly beforeBytes: number
  readonly peakBytes: number
  /** Of each query, ascending. */
  readonly viewportMs: readonly number[]
  readonly searchMs: Readonly<Record<string, number>>
}

/** The highest resident set of this process. The system's own count for resource usage may be a parent's from before. */
function peakBytes(): number {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (kilobytes !== undefined) return Number(kilobytes) * 1024
  } catch {
    // No /proc: not Linux.
  }
  return process.resourceUsage().maxRSS * 1024
}

const timed = (work: () => void): number => {
  const from = performance.now()
  work()
  return performance.now() - from
}

const PIXELS = 1900

/** Queries at random places and zooms, from the whole down to a hundred-thousandth of it. */
function queryAtRandom(timeline: Timeline, count: number): number[] {
  const { startNs, durationNs } = timeline.spans
  let lastNs = 1
  for (let span = 0; span < timeline.spans.count; span++) lastNs = Math.max(lastNs, startNs[span] + durationNs[span])
  // A fixed sequence with an even spread: multiples of the golden ratio's fraction.
  const fraction = (index: number, step: number): number => (index * step) % 1
  return Array.from({ length: count }, (_, index) => {
    const lengthNs = lastNs * 10 ** (-5 * fraction(index, 0.6180339887498949))
    const fromNs = (lastNs - lengthNs) * fraction(index, 0.7548776662466927)
    return timed(() => queryViewport(timeline, { startNs: fromNs, endNs: fromNs + lengthNs, pixels: PIXELS }))
  }).sort((a, b) => a - b)
}

process.on('message', (message) => {
  const { path, queries, searches } = task.parse(message)
  const open = async (): Promise<void> => {
    const beforeBytes = process.memoryUsage().rss
    const from = performance.now()
    const timeline = await openTrace(path)
    const openMs = performance.now() - from
    const indexMs = timed(() => { adoptIndex(timeline, buildSpanIndex(timeline)) })
    const peak = peakBytes()
    const viewportMs = queryAtRandom(timeline, queries)
    const searchMs = Object.fromEntries(searches.map((text) => [text, timed(() => {
      if (searchTimeline(timeline, { text, limit: 100 }).total === 0) throw new Error(`nothing was found of "${text}"`)
    })]))
    const opened: Opened = { spans: timeline.spans.count, openMs, indexMs, beforeBytes, peakBytes: peak, viewportMs, searchMs }
    process.send?.(opened, () => { process.disconnect() })
  }
  void open()
})
