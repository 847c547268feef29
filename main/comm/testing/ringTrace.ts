import { seededRandom } from '../../../kernels/seededRandom.ts'
import { RING_DEFAULTS, type RingTraceOptions } from './ringOptions.ts'
import { rankFile } from './ringFile.ts'
import { ringProgram } from './ringProgram.ts'
import { simulateRing } from './ringSimulation.ts'
import { ringTruth, type RingTruth } from './ringTruth.ts'

export type { RingTraceOptions, RingTruth }

export interface RingTrace {
  /** One per rank, in ring order: Kineto-like JSON, such as torch.profiler writes it. */
  readonly files: readonly { readonly name: string; readonly text: string }[]
  readonly truth: RingTruth
}

/** First µs of the files' clocks: days after the base, so that doubles of µs would lose ns. */
const FIRST_MICROS = 432_000_000_000

/** Clock offsets by position: position 0 keeps the true clock. */
function clockOffsets({ skewNs, world, seed }: RingTraceOptions): number[] {
  if (typeof skewNs !== 'number') return Array.from({ length: world }, (_, position) => (skewNs[position] ?? 0) - (skewNs[0] ?? 0))
  const random = seededRandom(seed ^ 0x5eed)
  return Array.from({ length: world }, (_, position) => (position === 0 ? 0 : Math.round((2 * random() - 1) * skewNs)))
}

/**
 * A ring-attention job of N ranks as its profiler would have recorded it, and what truly happened. Deterministic by its
 * options. All times are integer ns, and their texts exact.
 */
export function ringTrace(given: Partial<RingTraceOptions> = {}): RingTrace {
  const options: RingTraceOptions = { ...RING_DEFAULTS, ...given }
  const happenings = simulateRing(ringProgram(options), options)
  const offsetsNs = clockOffsets(options)
  const files = happenings.map((all, position) => rankFile(all, position, offsetsNs[position], FIRST_MICROS, options))
  return { files, truth: ringTruth(happenings, options, offsetsNs, FIRST_MICROS * 1000) }
}
