import { expect, it } from 'vitest'
import type { CommKernel, CommSplit } from '../comm/comm.ts'
import { waitOf } from '../timeline/spanWaits.ts'
import { spanWaits } from './spanWaits.ts'

const kernel = (span: number): CommKernel => ({
  span, rank: 0, kind: 'send-recv', group: 'ring', order: 0, startNs: 0, endNs: 30, source: null, destination: null, members: null, bytes: null,
})
const split = (changes: Partial<CommSplit>): CommSplit => ({ kernel: 0, waitNs: 10, transferNs: 20, method: 'peers', waitedFor: null, ...changes })

it('finds how a kernel divides by its span, in whatever order the kernels came', () => {
  const waits = spanWaits({
    kernels: [kernel(50), kernel(7), kernel(9)],
    splits: [split({ kernel: 0, waitedFor: 0 }), split({ kernel: 1, waitNs: 5, method: 'estimate' }), split({ kernel: 2, waitedFor: 2 })],
  })
  expect(waitOf(waits, 50)).toEqual({ waitNs: 10, transferNs: 20, estimated: false, waitedFor: 0 })
  expect(waitOf(waits, 7)).toEqual({ waitNs: 5, transferNs: 20, estimated: true, waitedFor: null })
  expect(waitOf(waits, 9)).toEqual({ waitNs: 10, transferNs: 20, estimated: false, waitedFor: 2 })
  expect([0, 8, 49, 51].map((span) => waitOf(waits, span))).toEqual([null, null, null, null])
})
