import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import { speedupOverContiguous } from '../planner/contiguous.ts'
import { programsOf, type StepEntry } from './planPrograms.ts'

/** Keys of a config that a schedule follows from; the others may be changed where the plan is used. */
const PLANNED_KEYS = [
  'world', 'algorithm', 'window', 'ulyssesDegree', 'ringSets', 'layout', 'mask', 'cyclicWidth', 'lookback', 'keyPadding', 'cuSeqlens',
  'batch', 'seqLen', 'heads', 'kvHeads', 'headDim', 'pass', 'wireDtype',
] as const satisfies readonly (keyof RunConfig)[]

/**
 * `plan.json`: the schedule of every rank, small also where there are a thousand. Ranks that do alike differ only in where
 * they sit, so other ranks are named by the shift of their ring position: `outer * window + inner`, each counted modulo the
 * windows and the places in one. Distinct steps are in one table, and a program is a list of places in it.
 */
export interface PlanFile {
  readonly format: 'ringscope-cluster-plan'
  readonly version: 1
  /** Of trace files. */
  readonly name: string
  readonly madeFrom: Pick<RunConfig, (typeof PLANNED_KEYS)[number]>
  readonly geometry: { readonly ringSets: number; readonly ringSize: number; readonly degree: number; readonly batch: number; readonly window: number }
  readonly computeTokens: number
  readonly shardTokens: number
  /** Of each ring position, [start, stride, count, width] of its runs of global positions. */
  readonly shards: readonly (readonly (readonly [number, number, number, number])[])[]
  readonly steps: readonly StepEntry[]
  readonly programs: readonly (readonly number[])[]
  /** [program, K/V slots, gradient slots, query sides, the gradient slot of its own dK and dV]. */
  readonly ranks: readonly (readonly [number, number, number, number, number | null])[]
  /** Beside what is measured. */
  readonly theory: { readonly idleFraction: number; readonly hops: number; readonly bytesPerHop: number; readonly speedupOverContiguous: number }
}

/** @param name of trace files, a slug. */
export function planFile(config: RunConfig, plan: Plan, name: string): PlanFile {
  const { geometry: { ringSets, ringSize, degree, batch }, computeTokens, shardTokens, idleFraction, hops, bytesPerHop } = plan
  const window = config.algorithm === 'double-ring' ? config.window : ringSize
  const { steps, programs, programOf } = programsOf(plan, window)
  return {
    format: 'ringscope-cluster-plan', version: 1, name,
    madeFrom: Object.fromEntries(PLANNED_KEYS.map((key) => [key, config[key]])) as PlanFile['madeFrom'],
    geometry: { ringSets, ringSize, degree, batch, window }, computeTokens, shardTokens,
    shards: plan.basis.shards.map((runs) => runs.map(({ start, stride, count, width }) => [start, stride, count, width] as const)),
    steps, programs,
    ranks: plan.ranks.map(({ rank, kvSlots, dkvSlots, sides, ownGradientSlot }) => [programOf[rank], kvSlots, dkvSlots, sides, ownGradientSlot]),
    theory: { idleFraction, hops, bytesPerHop, speedupOverContiguous: speedupOverContiguous(config, plan) },
  }
}
