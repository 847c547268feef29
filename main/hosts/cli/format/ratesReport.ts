import type { MachineRates } from '../../../../preload/contract/rates.ts'
import { formatSections, formatTable } from './table.ts'
import { formatBytes, formatGflops, formatShare, formatUs, NONE, significant } from './units.ts'

const gbps = (rate: number): string => `${significant(rate)} GB/s`
const LEVEL = { l1: 'L1', l2: 'L2', l3: 'L3', memory: 'memory' } as const

function roofline({ roofline: { peakGflops, levels, dispatchUs, gexps, build } }: MachineRates): string {
  const rows = levels.map(({ level, bufferBytes, gbps: rate }) => [LEVEL[level], gbps(rate), formatBytes(bufferBytes)])
  return `One core, ${build === 'relaxed' ? 'relaxed SIMD' : 'SIMD'}\n` +
    `multiply-adds ${formatGflops(peakGflops)}, exponentials ${significant(gexps)} G/s, an empty call ${formatUs(dispatchUs)}\n` +
    formatTable([{ header: 'reads from', align: 'left' }, { header: 'rate' }, { header: 'buffer' }], rows)
}

function transports({ transports: all }: MachineRates): string {
  return `Hops between two ranks that do nothing else\n${formatTable(
    [{ header: 'transport', align: 'left' }, { header: 'latency' }, { header: 'bandwidth' }, { header: 'fit within' }],
    all.map(({ transport, latencyUs, bandwidthGBps, fitError }) => [transport, formatUs(latencyUs), gbps(bandwidthGBps), formatShare(fitError)]))}`
}

function attention({ attention: all }: MachineRates): string | null {
  if (all.length === 0) return null
  return `Blocks\n${formatTable([
    { header: 'backend', align: 'left' }, { header: 'heads' }, { header: 'dim' }, { header: 'tile' }, { header: 'at once' }, { header: 'forward' },
    { header: 'backward' }, { header: 'per block' }, { header: 'per row' }, { header: 'counted in', align: 'left' }, { header: 'fit within' },
  ], all.map((rate) => [
    rate.backend, rate.heads === rate.kvHeads ? String(rate.heads) : `${rate.heads} / ${rate.kvHeads}`, String(rate.headDim),
    `${rate.blockQ} x ${rate.blockK}`, String(rate.processes), formatGflops(rate.forwardGflops),
    rate.backwardGflops === null ? NONE : formatGflops(rate.backwardGflops), formatUs(rate.blockOverheadUs), formatUs(rate.rowNs / 1000),
    rate.tile === null ? 'pairs' : `tiles of ${rate.tile.blockQ} x ${rate.tile.blockK}`, formatShare(rate.fitError),
  ]))}`
}

function rings({ rings: all }: MachineRates): string | null {
  if (all.length === 0) return null
  return `Rings that compute\n${formatTable([
    { header: 'backend', align: 'left' }, { header: 'transport', align: 'left' }, { header: 'ranks' }, { header: 'step' }, { header: 'rendezvous' },
    { header: 'latency' }, { header: 'bandwidth' }, { header: 'fit within' },
  ], all.map((ring) => [
    ring.backend, ring.transport, String(ring.world), formatUs(ring.stepUs), formatUs(ring.rendezvousUs), formatUs(ring.latencyUs),
    gbps(ring.bandwidthGBps), formatShare(ring.fitError),
  ]))}`
}

/** What was measured of this machine, for people. */
export const formatRates = (rates: MachineRates): string =>
  formatSections([`Measured ${rates.measuredAt}`, roofline(rates), transports(rates), attention(rates), rings(rates)])
