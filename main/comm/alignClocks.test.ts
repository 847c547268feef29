import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alignClocks } from './alignClocks.ts'
import { communicationOf } from './communication.ts'
import { ringTimeline, shiftRanks } from './testing/ringTimeline.ts'
import { ringTrace, type RingTrace, type RingTraceOptions } from './testing/ringTrace.ts'

const LAYOUTS = ['contiguous', 'zigzag', 'striped'] as const
const RENDEZVOUS = ['both', 'receive'] as const

const anyRing = fc.record({
  seed: fc.nat(1_000_000), world: fc.constantFrom(2, 3, 4, 8), layout: fc.constantFrom(...LAYOUTS), mask: fc.constantFrom('causal' as const, 'full' as const),
  rendezvous: fc.constantFrom(...RENDEZVOUS), overlap: fc.boolean(), pass: fc.constantFrom('forward' as const, 'backward' as const, 'both' as const),
  iterations: fc.constantFrom(1, 2, 3), layers: fc.constantFrom(1, 2), collectives: fc.boolean(), otherKernels: fc.boolean(),
  transferNs: fc.constantFrom(20_000, 150_000, 600_000), transferJitter: fc.constantFrom(0, 0.02, 0.1), jitterPower: fc.constantFrom(1, 3),
  stragglers: fc.constantFrom<Record<number, number>>({}, { 1: 1.5 }, { 0: 3 }), launchGapNs: fc.constantFrom(500, 20_000), skewNs: fc.constantFrom(0, 100_000, 5_000_000, 20_000_000),
  clock: fc.constantFrom('base' as const, 'own' as const), peerArgs: fc.constantFrom(true, false, 'local' as const), groupArgs: fc.boolean(), seqArgs: fc.boolean(),
  firstHop: fc.constantFrom<Record<number, number>>({}, {}, { 1: 3 }), hostEvents: fc.constant(false),
})

/** Files as they are, and as they are once aligned. */
function aligned({ files, truth }: RingTrace) {
  const timeline = ringTimeline(files)
  const alignment = alignClocks(timeline)
  const trueOffsets = new Map(truth.ranks.map(({ rank, offsetNs }) => [rank, offsetNs]))
  const errors = alignment.ranks.map(({ rank, offsetNs }) => Math.abs(offsetNs - (trueOffsets.get(rank) ?? Number.NaN)))
  return { alignment, errors, communication: communicationOf(shiftRanks(timeline, alignment.ranks)) }
}

describe('clocks of ranks', () => {
  test('the true offset is within the stated uncertainty, whatever the ring, the clocks and the args', () => {
    fc.assert(fc.property(anyRing, (options) => {
      const { alignment, errors } = aligned(ringTrace(options))
      for (const [at, { uncertaintyNs }] of alignment.ranks.entries()) {
        if (uncertaintyNs !== null) expect(errors[at]).toBeLessThanOrEqual(uncertaintyNs)
      }
    }), { numRuns: 60 })
  })

  describe.each(RENDEZVOUS)('a kernel that ends with %s', (rendezvous) => {
    test.each([2, 3, 4, 8])('in a ring of %i, clocks up to 20 ms apart: wait and transfer of every rank come back within 1 µs', (world) => {
      for (const layout of LAYOUTS) {
        for (const transferJitter of [0, 0.05]) {
          for (const overlap of [true, false]) {
            const trace = ringTrace({ world, layout, rendezvous, transferJitter, overlap, skewNs: 20_000_000, seed: world, hostEvents: false })
            const { alignment, communication: { kernels, splits } } = aligned(trace)
            expect(alignment).toMatchObject({ aligned: true, method: expect.stringContaining('file base times, refined by causality of') })
            for (const { rank, waitNs, transferNs, collectiveWaitNs, collectiveTransferNs } of trace.truth.ranks) {
              const sum = (part: 'waitNs' | 'transferNs', transfers: boolean): number => kernels.reduce((total, kernel, at) =>
                total + (kernel.rank === rank && (kernel.kind === 'send-recv') === transfers ? splits[at][part] : 0), 0)
              expect(Math.abs(sum('waitNs', true) - waitNs)).toBeLessThanOrEqual(1000)
              expect(Math.abs(sum('transferNs', true) - transferNs)).toBeLessThanOrEqual(1000)
              expect(Math.abs(sum('waitNs', false) - collectiveWaitNs)).toBeLessThanOrEqual(1000)
              expect(Math.abs(sum('transferNs', false) - collectiveTransferNs)).toBeLessThanOrEqual(1000)
            }
          }
        }
      }
    })
  })

  test('without collectives the transfers alone relate the clocks: every wait is right within 1 µs', () => {
    for (const world of [2, 3, 4]) {
      for (const layout of LAYOUTS) {
        for (const rendezvous of RENDEZVOUS) {
          const trace = ringTrace({ world, layout, rendezvous, collectives: false, skewNs: 5_000_000, hostEvents: false })
          const { communication } = aligned(trace)
          for (const [at, { waitNs }] of communication.splits.entries()) {
            expect(Math.abs(waitNs - trace.truth.kernels[at].waitNs)).toBeLessThanOrEqual(1000)
          }
        }
      }
    }
  })

  test('clocks without a common base are related by kernels that carry no args at all, if everyone is there', () => {
    const { alignment, errors } = aligned(ringTrace({ clock: 'own', groupArgs: false, peerArgs: false, seqArgs: false, hostEvents: false, skewNs: 20_000_000 }))
    expect(alignment.method).toContain('clocks of the files, which name no common base, refined by causality of')
    expect(Math.max(...errors)).toBeLessThanOrEqual(1000)
  })

  test('nothing matched: the base is kept where there is one, and ranks without stay unaligned', () => {
    const bare = { skewNs: 1_000_000, distributedInfo: false, groupArgs: false, peerArgs: false, seqArgs: false } as const
    // Ranks 0 and 2 of a larger job: who exchanged with whom cannot be known.
    const some = (options: Partial<RingTraceOptions>) => {
      const { files } = ringTrace({ ...bare, ...options })
      return alignClocks(ringTimeline([files[0], files[2]]))
    }
    const onBase = some({ clock: 'base' })
    expect(onBase).toMatchObject({ aligned: true, method: 'file base times; no matched kernels refine them', ranks: [{ offsetNs: 0, uncertaintyNs: 0 }, { rank: 2, offsetNs: 0 }] })
    expect(onBase.ranks[1].uncertaintyNs).toBeGreaterThan(1_000_000)
    expect(some({ clock: 'own' })).toEqual({
      aligned: false, method: 'clocks of the files, unrelated; rank 2 unaligned: nothing relates them to rank 0',
      ranks: [{ rank: 0, offsetNs: 0, uncertaintyNs: 0 }, { rank: 2, offsetNs: 0, uncertaintyNs: null }],
    })
  })

  test('ranks of one file have one clock', () => {
    const timeline = ringTimeline(ringTrace({ world: 2 }).files)
    const { trace } = timeline
    if (trace === null) throw new Error('the generated timeline has no trace')
    const oneFile = { ...timeline, trace: { ...trace, ranks: trace.ranks.map((rank) => ({ ...rank, file: 0 })) } }
    expect(alignClocks(oneFile)).toEqual({
      method: 'one file, one clock', aligned: true, ranks: [{ rank: 0, offsetNs: 0, uncertaintyNs: 0 }, { rank: 1, offsetNs: 0, uncertaintyNs: 0 }],
    })
  })

  test('the timeline is left as it was', () => {
    const timeline = ringTimeline(ringTrace({ skewNs: 1_000_000 }).files)
    const before = structuredClone({ spans: timeline.spans, lanes: timeline.lanes })
    alignClocks(timeline)
    expect({ spans: timeline.spans, lanes: timeline.lanes }).toEqual(before)
  })

  test.each(RENDEZVOUS)('transfers that vary evenly by a fiftieth and end with %s place clocks within 1 µs without collectives', (rendezvous) => {
    const errors = Array.from({ length: 6 }, (_, seed) => aligned(ringTrace({
      seed, layout: 'contiguous', rendezvous, transferJitter: 0.02, jitterPower: 1, collectives: false, iterations: 6, layers: 4, pass: 'forward', skewNs: 5_000_000, hostEvents: false,
    })).errors).flat()
    expect(errors.filter((error) => error <= 1000).length / errors.length).toBeGreaterThan(0.9)
  })

  test('of two passes without collectives, waits for the source alone place clocks exactly', () => {
    const { errors } = aligned(ringTrace({
      layout: 'contiguous', rendezvous: 'receive', transferJitter: 0, collectives: false, iterations: 1, layers: 2, pass: 'forward', skewNs: 5_000_000, hostEvents: false,
    }))
    expect(Math.max(...errors)).toBeLessThanOrEqual(2)
  })
})
