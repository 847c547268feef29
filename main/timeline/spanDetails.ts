import { PAYLOADS, SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { SpanDetails } from '../../preload/contract/timeline.ts'
import { jsonEntries, unescapeJson } from './jsonEntries.ts'
import { depthOfSpan } from './knownIndex.ts'
import { channelOfSpan } from './rankLanes.ts'
import { rawStartMicros } from './rawTime.ts'
import { argsText } from './spanArgs.ts'
import { flowsOfSpan } from './spanFlows.ts'
import type { Timeline } from './timeline.ts'

/** As the run says of the iteration; of one still under way, as its config says. */
function isWarmup(run: Timeline['run'], iteration: number | null): boolean {
  if (run === null || iteration === null) return false
  return run.iterations.find((window) => window.iteration === iteration)?.warmup ?? iteration < run.config.warmup
}

/** -1 and NaN stand for "does not apply" in columns. */
const known = (value: number): number | null => (Number.isNaN(value) || value === -1 ? null : value)
/** Bytes or operations per ns are GB or GFLOP per s. */
const rate = (amount: number | null, durationNs: number): number | null =>
  amount === null || durationNs <= 0 ? null : amount / durationNs

/** Top-level args in the order of the file. */
function argsOfSpan({ trace }: Timeline, spanIndex: number): SpanDetails['args'] {
  const text = trace === null ? null : argsText(trace.args, spanIndex)
  return text === null ? [] : jsonEntries(text).map(({ key, from, to }) => ({ key: unescapeJson(key), value: text.slice(from, to) }))
}

/**
 * All that is known of one span, but for how its waiting and its transfer divide, which takes matching it with its peers.
 * @throws RangeError where the timeline has no such span.
 */
export function spanDetails(timeline: Timeline, spanIndex: number): SpanDetails {
  const { spans, lanes, strings, run } = timeline
  if (!Number.isInteger(spanIndex) || spanIndex < 0 || spanIndex >= spans.count) {
    throw new RangeError(`no span ${spanIndex}: "${timeline.title}" has ${spans.count}`)
  }
  const lane = lanes[spans.lane[spanIndex]]
  const durationNs = spans.durationNs[spanIndex]
  const iteration = known(spans.iteration[spanIndex])
  const bytes = known(spans.bytes[spanIndex])
  const flops = known(spans.flops[spanIndex])
  const payload = PAYLOADS[spans.payload[spanIndex]]
  return {
    spanIndex,
    name: strings[spans.name[spanIndex]],
    category: SPAN_CATEGORIES[spans.category[spanIndex]],
    rank: lane.rank,
    lane: lane.name,
    laneIndex: spans.lane[spanIndex],
    depth: depthOfSpan(timeline, spanIndex),
    startNs: spans.startNs[spanIndex],
    durationNs,
    iteration,
    warmup: isWarmup(run, iteration),
    step: known(spans.step[spanIndex]),
    peer: known(spans.peer[spanIndex]),
    payload: payload === 'none' ? null : payload,
    channel: channelOfSpan(timeline, spanIndex),
    bytes,
    gigabytesPerSecond: rate(bytes, durationNs),
    flops,
    gflops: rate(flops, durationNs),
    cpuNs: known(spans.cpuNs[spanIndex]),
    args: argsOfSpan(timeline, spanIndex),
    flows: flowsOfSpan(timeline, spanIndex),
    rawStartUs: rawStartMicros(timeline, spanIndex),
    wait: null,
  }
}
