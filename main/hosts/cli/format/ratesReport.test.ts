import { expect, test } from 'vitest'
import { someAttention, someRates, someRing } from '../../../rates/testRates.ts'
import { formatRates } from './ratesReport.ts'

test('the rates of a machine say what was measured, with what', () => {
  const text = formatRates(someRates({
    attention: [someAttention({ kvHeads: 2 }), someAttention({ tile: null, backwardGflops: 35 })], rings: [someRing({ backend: 'modelled', world: 8 })],
  }))
  expect(text).toContain('multiply-adds 60.0 GFLOP/s, exponentials 3.50 G/s, an empty call 10.0 ns')
  expect(text).toMatch(/^L1 +150 GB\/s +24\.0 KiB$/m)
  expect(text).toMatch(/^socket +300 µs +2\.50 GB\/s +10\.0 %$/m)
  expect(text).toMatch(/^wasm +4 \/ 2 +64 +128 x 256 +2 +40\.0 GFLOP\/s +- .*tiles of 8 x 1 +5\.00 %$/m)
  expect(text).toMatch(/^wasm +4 +64 .*35\.0 GFLOP\/s.* pairs +5\.00 %$/m)
  expect(text).toMatch(/^modelled +shared-memory +8 +200 µs +500 µs/m)
  expect(formatRates(someRates({ attention: [], rings: [] }))).not.toMatch(/Blocks|Rings/)
})
