import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { CATEGORY_CODE, RANK_LANES, type RankLane, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { IterationWindow, RunRecord } from '../../preload/contract/run.ts'
import { analyzeTimeline } from '../analysis/traceAnalysis.ts'
import { addRankLanes } from '../timeline/rankLanes.ts'
import { type Timeline, TimelineBuilder } from '../timeline/timeline.ts'

/** A run of two ranks by hand: what each rank did in each iteration, in ns. */
export interface DrawnIteration {
  /** By rank: compute of step 0, waiting for the peer, waiting for the wire, compute of step 1. */
  readonly ranks: readonly (readonly [first: number, waitPeer: number, waitLink: number, second: number])[]
}

/** The time between iterations, which is in none. */
const GAP_NS = 1000

const FLOPS = 4096

/** A measured run with the given iterations, one after the other; each as long as its longer rank. */
export function drawnRun(iterations: readonly DrawnIteration[], changes: { readonly title?: string; readonly record?: Partial<RunRecord>; readonly config?: Record<string, unknown> } = {}): Timeline {
  const config = parseRunConfig({ world: 2, seqLen: 64, heads: 1, headDim: 8, iterations: iterations.length, warmup: 0, ...changes.config }, 'drawn')
  const builder = new TimelineBuilder(changes.title ?? 'drawn', 'run')
  const lanes = addRankLanes(builder, planRun(config))
  const windows: IterationWindow[] = []
  let startNs = 0
  for (const [iteration, { ranks }] of iterations.entries()) {
    let endNs = startNs
    for (const [rank, [first, waitPeer, waitLink, second]] of ranks.entries()) {
      let nowNs = startNs
      const add = (lane: RankLane, category: SpanCategory, name: string, step: number, durationNs: number): void => {
        if (durationNs > 0) {
          builder.append({
            lane: lanes[rank][RANK_LANES.indexOf(lane)], category: CATEGORY_CODE[category], name: builder.intern(name), startNs: nowNs, durationNs,
            iteration, step, ...category === 'compute' ? { flops: FLOPS } : {},
            ...category === 'recv' ? { peer: 1 - rank, bytes: 1024, hop: 2 * iteration + rank, payload: 1 } : {},
          })
        }
      }
      const then = (category: SpanCategory, name: string, step: number, durationNs: number): void => {
        add('compute', category, name, step, durationNs)
        nowNs += durationNs
      }
      then('compute', 'own block', 0, first)
      then('wait-peer', 'wait', 0, waitPeer)
      add('recv', 'recv', 'receive', 0, waitLink)
      then('wait-link', 'wire', 0, waitLink)
      then('compute', 'other block', 1, second)
      endNs = Math.max(endNs, nowNs)
    }
    windows.push({ iteration, warmup: false, startNs, endNs })
    startNs = endNs + GAP_NS
  }
  const record: RunRecord = {
    config, backend: 'wasm', device: 'cpu', transport: 'socket', modelled: false, warnings: [], iterations: windows, clocks: [],
    recorderOverheadNs: 0, causalityViolations: 0, verification: null, outputChecksum: null, failure: null, startedAt: '2026-01-01T00:00:00Z',
    ...changes.record,
  }
  return builder.timeline(record)
}

/** A timeline as a comparison takes it. */
export const sourceOf = (timeline: Timeline, id = timeline.title) => ({ id, timeline, analysis: analyzeTimeline(timeline) })
