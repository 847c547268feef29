import { SpanRecorder } from '../timeline/recorder.ts'

const SPANS_PER_ROUND = 500
const ROUNDS = 9

/** What recording one span costs here, in ns: two readings of the clock and one record. Median of several rounds. */
export function measureRecorderCost(now: () => number): number {
  const recorder = new SpanRecorder(SPANS_PER_ROUND)
  const place = { iteration: 0, step: 0 }
  const costs = Array.from({ length: ROUNDS }, () => {
    const startNs = now()
    for (let span = 0; span < SPANS_PER_ROUND; span++) recorder.record('compute', 'compute', now(), now(), place)
    const cost = (now() - startNs) / SPANS_PER_ROUND
    recorder.take()
    return cost
  })
  return costs.toSorted((a, b) => a - b)[ROUNDS >> 1]
}
