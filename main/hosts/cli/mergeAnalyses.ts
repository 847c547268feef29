import type { TraceAnalysis } from '../../../preload/contract/analysis.ts'
import { UsageError } from './errors.ts'

const ADVICE = 'analyze them one at a time, or without --json'

/**
 * One document for several trace files that hold different ranks of one job. Each file keeps its own clock, so only
 * figures within a rank are in it; nothing is compared across files.
 * @throws UsageError where one document would mix what does not belong together: runs of our own, or a rank twice.
 */
export function mergeAnalyses(analyses: readonly TraceAnalysis[]): TraceAnalysis {
  if (analyses.length === 1) return analyses[0]
  const own = analyses.find((analysis) => analysis.run !== null)
  if (own !== undefined) {
    throw new UsageError(`${own.files[0]?.path}: a complete run of its own cannot share one document with other files; ${ADVICE}`)
  }
  const seen = new Map<number, string>()
  for (const analysis of analyses) {
    const path = analysis.files[0]?.path ?? ''
    for (const { rank } of analysis.ranks) {
      const other = seen.get(rank)
      if (other !== undefined) throw new UsageError(`${other} and ${path}: both hold rank ${rank}; ${ADVICE}`)
      seen.set(rank, path)
    }
  }
  return {
    files: analyses.flatMap((analysis) => analysis.files),
    clock: {
      method: 'each file on its own clock',
      offsetsNs: analyses.flatMap((analysis) => analysis.clock.offsetsNs),
      uncertaintyNs: analyses.flatMap((analysis) => analysis.clock.uncertaintyNs),
    },
    ranks: analyses.flatMap((analysis) => analysis.ranks).sort((a, b) => a.rank - b.rank),
    // Imbalance compares ranks at the same moment, which needs one clock.
    steps: [],
    run: null,
  }
}
