import { parseRunConfig, type RunConfig } from '../../../kernels/config/runConfig.ts'
import type { RunProgress } from '../../../preload/contract/run.ts'
import type { RunHandle } from '../../executor/executor.ts'
import { planReport } from '../../planner/planReport.ts'
import { simulateRing } from '../../simulator/testSimulation.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { summaryFacts } from '../summaryFacts.ts'
import { hostOwner } from '../timelineOwner.ts'
import type { NewTimeline } from '../timelineStore.ts'

/** A config that a simulation or a modelled run does in no time. */
export const smallConfig = (changes: Record<string, unknown> = {}): RunConfig => parseRunConfig({
  name: 'small', world: 2, seqLen: 64, heads: 1, headDim: 8, iterations: 1, warmup: 0,
  backend: 'modelled', model: { gflops: 1 }, ...changes,
}, 'small config')

export function simulated(config = smallConfig()): Timeline {
  const { gflopsPerRank, bandwidthGBps, latencyUs } = planReport(config).hideCondition
  return simulateRing(config, { gflopsPerRank, link: { bandwidthGBps, latencyUs } })
}

/** A timeline as it is when it has been read from a file, or from nowhere that has a path. */
export const readFrom = (path: string | null, timeline = simulated()): NewTimeline =>
  ({ timeline, summary: summaryFacts(timeline), owner: hostOwner(() => timeline), path, source: path })

type Facts = Omit<RunProgress, 'runId' | 'timelineId'>

/** A run that does what the test says, when it says so. */
export class ScriptedRun implements RunHandle {
  current = simulated()
  cancelled = false
  readonly progressListeners = new Set<(facts: Facts) => void>()
  readonly spanListeners = new Set<() => void>()
  readonly #end = Promise.withResolvers<Timeline>()
  readonly finished = this.#end.promise

  timeline(): Timeline { return this.current }
  onProgress(listener: (facts: Facts) => void): () => void {
    this.progressListeners.add(listener)
    return () => { this.progressListeners.delete(listener) }
  }
  onSpans(listener: () => void): () => void {
    this.spanListeners.add(listener)
    return () => { this.spanListeners.delete(listener) }
  }
  cancel(): void { this.cancelled = true }

  reports(phase: Facts['phase']): void {
    for (const listener of this.progressListeners) listener({ phase, iterations: 1, ranks: [] })
  }
  grows(): void {
    for (const listener of this.spanListeners) listener()
  }
  async ends(timeline = this.current): Promise<void> {
    this.#end.resolve(timeline)
    await settled()
  }
  async fails(error: unknown): Promise<void> {
    this.#end.reject(error)
    await settled()
  }
}

/** Lets everything that only awaits settled promises happen, whatever clock the test uses. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
