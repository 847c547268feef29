import type { Comparison } from '../../preload/contract/compare.ts'
import { causeOf, type Judged } from './cause.ts'
import { sampleOfMetric } from './deltas.ts'
import { metricOf } from './metrics.ts'
import { isSignificant, type Sample } from './significance.ts'
import { percentText, significantText } from './words.ts'

type Verdict = Comparison['verdicts'][number]

const MAKESPAN = metricOf('makespan')

/** The larger scatter of the two, by its median; null where one has a single window. */
const relativeNoise = (samples: readonly Sample[]): number | null =>
  samples.some(({ noise }) => noise === null) ? null : Math.max(...samples.map((sample) => (sample.noise ?? 0) / sample.median))

/** What became of the makespan, in a sentence. */
function verdictOf(source: number, judged: Judged, base: Judged): Verdict {
  const [own, before] = [sampleOfMetric(judged.measure, MAKESPAN), sampleOfMetric(base.measure, MAKESPAN)]
  if (own === null || before === null || before.median === 0) {
    const { title } = (own === null ? judged : base).measure
    return { source, change: 'unclear', sentence: `nothing to compare: ${title} has no measured window` }
  }
  const deltaMs = own.median - before.median
  const relative = percentText(deltaMs / before.median)
  const significant = isSignificant(own, before)
  const scatter = relativeNoise([own, before])
  const values = `makespan ${significantText(own.median)} ms against ${significantText(before.median)} ms`
  const noise = scatter === null ? 'a single window says nothing of noise' : `noise ${percentText(scatter)}`
  const direction = deltaMs > 0 ? 'slower' : 'faster'
  if (deltaMs === 0) return { source, change: 'same', sentence: `the same (${values}, ${noise})` }
  if (significant === false) return { source, change: 'same', sentence: `no change beyond noise (${values}, ${relative} ${direction}, ${noise})` }
  const cause = causeOf(judged, base)
  return {
    source, change: significant === null ? 'unclear' : direction,
    sentence: `${relative} ${direction} (${values}, ${noise})${cause === null ? '' : `; ${cause}`}`,
  }
}

/** One for every source but the base. */
export const verdictsOf = (sources: readonly Judged[]): Verdict[] => sources.slice(1).map((judged, at) => verdictOf(at + 1, judged, sources[0]))
