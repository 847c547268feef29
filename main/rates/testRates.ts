import type { AttentionRate, MachineRates, RingRate } from '../../preload/contract/rates.ts'

/** Of blocks as nobody measured them. */
export const someAttention = (fields: Partial<AttentionRate> = {}): AttentionRate => ({
  backend: 'wasm', headDim: 64, heads: 4, kvHeads: 4, blockQ: 128, blockK: 256, processes: 2,
  forwardGflops: 40, backwardGflops: null, blockOverheadUs: 5, rowNs: 30, tile: { blockQ: 8, blockK: 1 }, fitError: 0.05, ...fields,
})

export const someRing = (fields: Partial<RingRate> = {}): RingRate => ({
  backend: 'wasm', transport: 'shared-memory', world: 2, linkBound: false, stepUs: 200, startUs: 300, startRowNs: 20, finishRowNs: 30, rendezvousUs: 500,
  jitter: { compute: 0.02, step: 0.5, start: 0.3, rendezvous: 0.6 }, bandwidthGBps: 3, latencyUs: 100, fitError: 0.1, ...fields,
})

export const someRates = (fields: Partial<MachineRates> = {}): MachineRates => ({
  machineKey: 'some machine', measuredAt: '2026-01-01T00:00:00.000Z',
  roofline: { peakGflops: 60, levels: [{ level: 'l1', bufferBytes: 24_576, gbps: 150 }], dispatchUs: 0.01, gexps: 3.5, build: 'relaxed' },
  attention: [someAttention()], transports: [{ transport: 'socket', bandwidthGBps: 2.5, latencyUs: 300, fitError: 0.1 }], rings: [someRing()], ...fields,
})
