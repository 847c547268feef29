import fc from 'fast-check'
import { ALGORITHMS, checkRunConfig, LAYOUTS, MASKS, parseRunConfig, PASSES, type RunConfig, type RunConfigInput, WIRE_DTYPES } from '../../kernels/config/runConfig.ts'

/** A small problem; the fields given, defaults for the rest. */
export const configOf = (fields: Partial<RunConfigInput> & { readonly world: number }): RunConfig =>
  parseRunConfig({ seqLen: 256, heads: 24, kvHeads: 24, headDim: 4, cyclicWidth: 4, ...fields }, 'test')

const anyFields = fc.record({
  world: fc.constantFrom(1, 2, 3, 4, 6, 8), algorithm: fc.constantFrom(...ALGORITHMS), window: fc.integer({ min: 1, max: 4 }),
  ulyssesDegree: fc.constantFrom(1, 2, 3, 4), ringSets: fc.constantFrom(1, 2), batch: fc.constantFrom(1, 2),
  layout: fc.constantFrom(...LAYOUTS), mask: fc.constantFrom(...MASKS), lookback: fc.option(fc.nat(200), { nil: null }),
  kvHeads: fc.constantFrom(1, 8, 24), pass: fc.constantFrom(...PASSES), wireDtype: fc.constantFrom(...WIRE_DTYPES),
  seqLen: fc.integer({ min: 1, max: 200 }), overlap: fc.boolean(), slow: fc.double({ min: 1, max: 4, noNaN: true }),
})

/** Configs of every algorithm, layout, mask and pass, with a straggler. */
export const anyConfig: fc.Arbitrary<RunConfig> = anyFields.map(({ slow, layout, mask, ...fields }) => checkRunConfig({
  heads: 24, headDim: 4, cyclicWidth: 4, ...fields, stragglers: { 0: slow },
  layout: fields.algorithm === 'distflash' ? 'contiguous' : layout, mask: fields.algorithm === 'distflash' ? 'causal' : mask,
}).config).filter((config) => config !== null)

export const anyLink = fc.record({
  bandwidthGBps: fc.double({ min: 0.01, max: 100, noNaN: true }), latencyUs: fc.double({ min: 0, max: 5, noNaN: true }),
})
