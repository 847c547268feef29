import fc from 'fast-check'
import type { ClusterModel, Disturbance } from '../../preload/contract/simulation.ts'
import { UNDISTURBED } from './circumstances.ts'
import { anyLink } from './testConfigs.ts'

/** One pair of one head and one dimension takes 4 ns forward and 10 backward, moves take no time. */
export const clusterOf = (fields: Partial<Omit<ClusterModel, 'device'>> = {}, device: Partial<ClusterModel['device']> = {}): ClusterModel => ({
  label: 'test', elementBytes: null, intra: null, inter: null, ranksPerNode: null, ...fields,
  device: { forwardGflops: 1, backwardGflops: 1, blockOverheadUs: 0, rowNs: 0, tile: null, memoryBytes: null, ...device },
})

export const disturbedBy = (fields: Partial<Disturbance>): Disturbance => ({ ...UNDISTURBED, ...fields })

/** Clusters of all kinds. */
export const anyCluster: fc.Arbitrary<ClusterModel> = fc.record({
  intra: fc.option(anyLink), inter: fc.option(anyLink), ranksPerNode: fc.option(fc.integer({ min: 1, max: 5 })),
  backwardGflops: fc.double({ min: 0.5, max: 2, noNaN: true }), blockOverheadUs: fc.constantFrom(0, 0.7), rowNs: fc.constantFrom(0, 1.5),
  tile: fc.option(fc.record({ blockQ: fc.integer({ min: 1, max: 9 }), blockK: fc.integer({ min: 1, max: 9 }) })),
  runtime: fc.option(fc.record({
    stepUs: fc.constantFrom(0, 0.3), startUs: fc.constantFrom(0, 1.1), startRowNs: fc.constantFrom(0, 0.4), finishRowNs: fc.constantFrom(0, 0.6),
    rendezvousUs: fc.constantFrom(0, 0.2),
  }), { nil: undefined }),
}).map(({ backwardGflops, blockOverheadUs, rowNs, tile, ...fields }) => clusterOf(fields, { backwardGflops, blockOverheadUs, rowNs, tile }))

export const anyDisturbance: fc.Arbitrary<Disturbance> = fc.record({
  computeJitter: fc.constantFrom(0, 0.2), linkJitter: fc.constantFrom(0, 0.5), seed: fc.nat(1000), progress: fc.constantFrom('free', 'barrier'),
}).map(disturbedBy)
