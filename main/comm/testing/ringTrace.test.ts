import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ringTrace, type RingTraceOptions } from './ringTrace.ts'

interface WrittenEvent {
  readonly ph: string
  readonly cat?: string
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly args: Record<string, unknown>
}

const eventsOf = (text: string): WrittenEvent[] => (JSON.parse(text) as { traceEvents: WrittenEvent[] }).traceEvents

/** Integer ns from the origin, read from the text: a double of µs would lose ns. */
function writtenTimes(text: string, name: RegExp): { startNs: number; durationNs: number }[] {
  return text.split('\n').filter((line) => line.includes('"ph":"X"') && line.includes('"cat":"kernel"') && name.test(line)).map((line) => {
    const [, whole, fraction] = /"ts":(-?\d+)\.(\d{3})/.exec(line) ?? []
    const [, durWhole, durFraction] = /"dur":(\d+)\.(\d{3})/.exec(line) ?? []
    return { startNs: Number(whole) * 1000 + Number(fraction), durationNs: Number(durWhole) * 1000 + Number(durFraction) }
  })
}

const options: fc.Arbitrary<Partial<RingTraceOptions>> = fc.record({
  seed: fc.nat(1_000_000), world: fc.constantFrom(2, 3, 4, 5), layers: fc.constantFrom(1, 2), iterations: fc.constantFrom(1, 2),
  layout: fc.constantFrom('contiguous' as const, 'zigzag' as const, 'striped' as const), mask: fc.constantFrom('causal' as const, 'full' as const),
  rendezvous: fc.constantFrom('both' as const, 'receive' as const), overlap: fc.boolean(), pass: fc.constantFrom('forward' as const, 'backward' as const, 'both' as const),
  skewNs: fc.constantFrom(0, 5_000_000), transferJitter: fc.constantFrom(0, 0.1),
})

describe('a generated ring trace', () => {
  test('the same options give the same bytes', () => {
    expect(ringTrace({ skewNs: 1e6 })).toEqual(ringTrace({ skewNs: 1e6 }))
    expect(ringTrace({ seed: 2 }).files).not.toEqual(ringTrace({ seed: 3 }).files)
  })

  test('its files hold the true times, each in its own clock, to the nanosecond', () => {
    fc.assert(fc.property(options, (given) => {
      const { files, truth } = ringTrace(given)
      for (const [position, { text }] of files.entries()) {
        const { rank, offsetNs } = truth.ranks[position]
        const kernels = truth.kernels.filter((kernel) => kernel.rank === rank && kernel.kind === 'send-recv')
        expect(writtenTimes(text, /ncclDevKernel_SendRecv/).map(({ startNs, durationNs }) => [startNs + offsetNs - truth.originNs, durationNs]))
          .toEqual(kernels.map(({ startNs, endNs }) => [startNs, endNs - startNs]))
      }
    }), { numRuns: 20 })
  })

  test('a kernel ends with its transfers: with its receive alone, or when both ends of both are done', () => {
    fc.assert(fc.property(options, (given) => {
      const { truth } = ringTrace({ ...given, transferJitter: 0 })
      const kernels = truth.kernels.filter(({ kind }) => kind === 'send-recv')
      for (const kernel of kernels) {
        const partner = (rank: number | null) => kernels.find((other) => other.rank === rank && other.order === kernel.order)
        const needed = [partner(kernel.source), ...(given.rendezvous === 'both' ? [partner(kernel.destination)] : [])]
        const ready = Math.max(kernel.startNs, ...needed.map((other) => other?.startNs ?? Number.NaN))
        expect(kernel.waitNs).toBe(ready - kernel.startNs)
        expect(kernel.transferNs).toBe(kernel.role === 'kv' ? 150_000 : 300_000)
        expect(kernel.waitedFor === null).toBe(kernel.waitNs === 0)
      }
    }), { numRuns: 20 })
  })

  test('kernels of a stream never overlap, and a collective ends everywhere at once', () => {
    fc.assert(fc.property(options, (given) => {
      const { files, truth } = ringTrace({ ...given, skewNs: 0 })
      const ends = new Map<number, Set<number>>()
      for (const { kind, order, endNs } of truth.kernels) if (kind === 'all-reduce') ends.set(order, (ends.get(order) ?? new Set()).add(endNs))
      for (const times of ends.values()) expect(times.size).toBe(1)
      for (const { text } of files) {
        for (const stream of [7, 20, 24]) {
          const times = writtenTimes(text, new RegExp(`"tid":${stream},`))
          for (const [at, { startNs }] of times.entries()) {
            if (at > 0) expect(startNs).toBeGreaterThanOrEqual(times[at - 1].startNs + times[at - 1].durationNs)
          }
        }
      }
    }), { numRuns: 20 })
  })

  test('compute goes by the pairs of the layout: causal contiguous ranks have nothing to do for later keys', () => {
    const [forward] = ringTrace({ layout: 'contiguous', pass: 'forward', seqLen: 1024, nsPerPair: 1 }).truth.passes
    const [square, triangle] = [256 * 256, 256 * 257 / 2]
    expect(forward.steps.map(({ computeNs }) => computeNs)).toEqual([
      [triangle, triangle, triangle, triangle], [0, square, square, square], [0, 0, square, square], [0, 0, 0, square],
    ])
    const zigzag = ringTrace({ layout: 'zigzag', pass: 'forward', seqLen: 1024, nsPerPair: 1 }).truth.passes[0]
    for (const { computeNs } of zigzag.steps) expect(new Set(computeNs).size).toBe(1)
  })

  test('without overlap nothing runs beside a transfer', () => {
    for (const { overlapNs, commNs } of ringTrace({ overlap: false }).truth.ranks) expect([overlapNs, commNs > 0]).toEqual([0, true])
    for (const { overlapNs } of ringTrace({ overlap: true }).truth.ranks) expect(overlapNs).toBeGreaterThan(0)
  })

  test('waits add up per rank, and a straggler is what others wait for', () => {
    const { truth } = ringTrace({ stragglers: { 2: 2 }, pass: 'forward', collectives: false })
    for (const { rank, waitNs, transferNs } of truth.ranks) {
      const own = truth.kernels.filter((kernel) => kernel.rank === rank)
      expect(waitNs + transferNs).toBe(own.reduce((total, { startNs, endNs }) => total + endNs - startNs, 0))
    }
    expect(truth.ranks.every(({ rank, waitNs }) => rank === 2 || waitNs > truth.ranks[2].waitNs)).toBe(true)
  })

  test('ids count from 1 on every rank; arguments come as asked', () => {
    const [first, second] = ringTrace({ firstRank: 4, peerArgs: 'local' }).files.map(({ text }) => eventsOf(text))
    const comm = (events: readonly WrittenEvent[]) => events.find(({ cat, name }) => cat === 'kernel' && name.includes('SendRecv'))
    expect(comm(first)?.args).toMatchObject({ 'Src Rank': 3, 'Dst Rank': 1, 'Process Group Ranks': '[4, 5, 6, 7]', Seq: 0 })
    expect(comm(second)?.args).toMatchObject({ 'Src Rank': 0, 'Dst Rank': 2, correlation: comm(first)?.args.correlation })
    const bare = ringTrace({ groupArgs: false, peerArgs: false, seqArgs: false, hostEvents: false, flows: false }).files[0]
    expect(Object.keys(comm(eventsOf(bare.text))?.args ?? {})).not.toContain('Process Group Name')
    expect(new Set(eventsOf(bare.text).map(({ cat }) => cat))).toEqual(new Set([undefined, 'kernel', 'gpu_memcpy']))
  })

  test('a window that begins later leaves out what was before, from the truth as well', () => {
    const { files, truth } = ringTrace({ firstHop: { 1: 5 }, hostEvents: false })
    const kernels = truth.kernels.filter(({ rank, kind }) => rank === 1 && kind === 'send-recv')
    expect(kernels[0].order).toBe(5)
    expect(writtenTimes(files[1].text, /SendRecv/)).toHaveLength(kernels.length)
  })
})
