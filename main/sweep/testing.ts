/** A machine for sweeps in tests: made up, and nothing kept. Without a roofline, which spares the probes of its kernels. */
import type { Roofline } from '../../preload/contract/rates.ts'
import type { SweepMachine } from './sweepMachine.ts'

export const TEST_ROOFLINE: Roofline = {
  peakGflops: 50, dispatchUs: 0.05, gexps: 1, build: 'relaxed',
  levels: [
    { level: 'l1', bufferBytes: 16_384, gbps: 100 }, { level: 'l2', bufferBytes: 2 ** 19, gbps: 50 },
    { level: 'l3', bufferBytes: 2 ** 23, gbps: 20 }, { level: 'memory', bufferBytes: 2 ** 28, gbps: 10 },
  ],
}

export const TEST_CACHES = { l1d: 32_768, l2: 2 ** 20, l3: 2 ** 24 }

export const testMachine = (parts: Partial<SweepMachine> = {}): SweepMachine => ({
  storeDir: null,
  caches: async () => TEST_CACHES,
  roofline: async () => ({ roofline: null, reason: 'there is none in tests' }),
  predictRing: async () => ({ ms: 1, rates: { gflopsPerRank: 30, bandwidthGBps: 3, latencyUs: 10 } }),
  facts: async () => ({ machine: 'test' }),
  ...parts,
})
