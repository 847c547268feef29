import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { AttentionRate, RingRate } from '../../preload/contract/rates.ts'
import type { ClusterModel, RuntimeModel } from '../../preload/contract/simulation.ts'
import { emulatedCluster } from '../simulator/emulatedCluster.ts'
import { RatesMissingError } from './errors.ts'
import { type ConfigRates, type RatesNeeded, sameRing, sameShape } from './measureRates.ts'

type Device = ClusterModel['device']

function modelledDevice({ model }: RunConfig): Device {
  if (model === null) throw new RatesMissingError('a modelled backend has no rate without a model: set {"gflops": number}')
  const { gflops } = model
  return { forwardGflops: gflops, backwardGflops: gflops, blockOverheadUs: 0, rowNs: 0, tile: null, memoryBytes: null }
}

/** Ranks that take turns on a core have that much less of it each. */
function measuredDevice(rate: AttentionRate, world: number): Device {
  const turns = Math.max(1, world / rate.processes)
  return {
    forwardGflops: rate.forwardGflops / turns,
    // Of no use to a config without a backward pass.
    backwardGflops: (rate.backwardGflops ?? rate.forwardGflops) / turns,
    blockOverheadUs: rate.blockOverheadUs * turns, rowNs: rate.rowNs * turns, tile: rate.tile, memoryBytes: null,
  }
}

function ringOf({ rings }: ConfigRates, { ring, transport }: RatesNeeded): RingRate {
  const found = rings.find((each) => sameRing(each, { ...ring, transport }))
  if (found === undefined) throw new RatesMissingError(`a ring of ${ring.world} ranks on ${ring.backend} over ${transport} was not measured on this machine`)
  return found
}

const runtimeOf = ({ stepUs, startUs, startRowNs, finishRowNs, rendezvousUs, jitter }: RingRate): RuntimeModel =>
  ({ stepUs, startUs, startRowNs, finishRowNs, rendezvousUs, jitter })

/**
 * The simulator's model of a config's run on this machine: blocks and hops as they were measured; `link` as it is emulated, on top
 * of what threads add; compute that is modelled at its own rate.
 * @param needed what `ratesNeeded` says of the config.
 * @throws RatesMissingError where something of it was not measured.
 */
export function clusterOfMachine(config: RunConfig, rates: ConfigRates, needed: RatesNeeded): ClusterModel {
  const { shape } = needed
  const ring = needed.ring.world === 1 ? null : ringOf(rates, needed)
  const link = ring === null ? null : config.link ?? { bandwidthGBps: ring.bandwidthGBps, latencyUs: ring.latencyUs }
  const rate = shape === null ? null : rates.attention.find((each) => sameShape(each, shape))
  if (rate === undefined) throw new RatesMissingError(`blocks of this shape on ${needed.ring.backend} were not measured on this machine`)
  const device = rate === null ? modelledDevice(config) : measuredDevice(rate, config.world)
  return {
    ...emulatedCluster(config, { gflopsPerRank: device.forwardGflops, link }),
    label: `this machine, ${config.world} ${config.world === 1 ? 'rank' : 'ranks'}, ${needed.ring.backend}, ${needed.transport}`,
    device,
    ...(ring === null ? {} : { runtime: runtimeOf(ring) }),
  }
}
