import type { MachineRates } from '../../../preload/contract/rates.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'

/**
 * This machine as a cluster that stands for no config in particular: the shape of blocks that was measured last, each rank
 * with a core of its own, and the ring that was measured with it (else idle hops). For a config's own simulation see
 * `clusterOfMachine`. Null where no blocks were measured.
 */
export function thisMachineCluster(rates: MachineRates | null): ClusterModel | null {
  const rate = rates?.attention.at(-1)
  if (rates === null || rate === undefined) return null
  const { backend, heads, headDim, blockQ, blockK, forwardGflops, backwardGflops, blockOverheadUs, rowNs, tile } = rate
  const ring = rates.rings.findLast((each) => each.backend === backend)
  const link = ring ?? rates.transports.at(-1)
  return {
    label: `this machine: ${backend}, ${heads} heads of ${headDim}, tiles of ${blockQ} x ${blockK}${link === undefined ? '' : `, ${link.transport}`}`,
    device: {
      forwardGflops,
      // Until a backward pass was measured it is taken for as fast as the forward one.
      backwardGflops: backwardGflops ?? forwardGflops,
      blockOverheadUs, rowNs, tile, memoryBytes: null,
    },
    elementBytes: null,
    intra: link === undefined ? null : { bandwidthGBps: link.bandwidthGBps, latencyUs: link.latencyUs },
    inter: null, ranksPerNode: null,
    ...(ring === undefined ? {} : {
      runtime: {
        stepUs: ring.stepUs, startUs: ring.startUs, startRowNs: ring.startRowNs, finishRowNs: ring.finishRowNs, rendezvousUs: ring.rendezvousUs,
      },
    }),
  }
}
