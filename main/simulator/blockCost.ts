import { oncePerClass } from '../../kernels/plan/blockClasses.ts'
import { blockRows } from '../../kernels/plan/blockRows.ts'
import { flopsPerPairIn, type Plan, type StepPass } from '../../kernels/plan/plan.ts'
import { tilePairCounter } from '../../kernels/plan/tileQuantised.ts'
import { InvalidInputError, quoteValue } from '../../kernels/config/problem.ts'
import type { ClusterModel } from '../../preload/contract/simulation.ts'

/** Duration in ns of the block that joins two ring positions of a set, on a device that nothing disturbs; 0 without pairs. */
export type BlockCost = (set: number, query: number, key: number) => number

/**
 * What a pass's blocks cost on a device:
 *
 *     t0 + rows · heads · items · rowNs + flops / F
 *
 * (reference section 2.6: comp = t0 + FLOPs/F), where flops count whole tiles if the device has any, and rows are those of
 * `blockRows`. Each kind of block is worked out once.
 * @throws InvalidInputError where the device computes whole tiles and those take too long to count.
 */
export function blockCost(plan: Plan, { device }: ClusterModel, pass: StepPass): BlockCost {
  const { basis, geometry } = plan
  const counted = device.tile === null ? basis.pairs : tilePairCounter(basis, device.tile)
  if (counted === null) {
    throw new InvalidInputError('the cluster', [{
      path: 'device.tile', expected: 'null for a mask with a lookback window or documents in a world of this size', given: quoteValue(device.tile),
      hint: 'whole tiles take too long to count there: set it to null, which counts exact pairs, or take larger tiles or fewer ranks',
    }])
  }
  const rate = pass === 'forward' ? device.forwardGflops : device.backwardGflops
  const rowItems = geometry.batch * (basis.config.heads / geometry.degree)
  const costs = Array.from({ length: basis.config.keyPadding === null ? 1 : geometry.ringSets }, (_, set) =>
    oncePerClass(basis.classes(set), (query, key) => (basis.pairs(set, query, key) === 0 ? 0
      : device.blockOverheadUs * 1000 + blockRows(basis, query, key) * rowItems * device.rowNs +
        // Operations per ns, which is GFLOP/s.
        (counted(set, query, key) * flopsPerPairIn(plan, pass)) / rate)))
  return (set, query, key) => costs[costs.length === 1 ? 0 : set](query, key)
}
