import { describe, expect, test } from 'vitest'
import type { Communication } from './comm.ts'
import { communicationOf } from './communication.ts'
import { kernelTimeline, SEND_RECV_KERNEL } from './testing/kernelTimeline.ts'
import { ringTimeline, shiftRanks } from './testing/ringTimeline.ts'
import { ringTrace, type RingTraceOptions } from './testing/ringTrace.ts'

/** On true clocks, unless offsets are in the options. */
function ring(options: Partial<RingTraceOptions>) {
  const { files, truth } = ringTrace(options)
  return { files, truth, communication: communicationOf(ringTimeline(files)) }
}

const splitsOf = ({ splits }: Communication) => splits.map(({ waitNs, transferNs, waitedFor, method }) => ({ waitNs, transferNs, waitedFor, method }))

describe('waiting and transfer of communication kernels', () => {
  test.each([2, 3, 4, 8])('in a ring of %i every kernel divides as it truly did, to the nanosecond, and names whom it waited for', (world) => {
    for (const layout of ['contiguous', 'zigzag', 'striped'] as const) {
      for (const rendezvous of ['both', 'receive'] as const) {
        for (const transferJitter of [0, 0.05]) {
          const { truth, communication } = ring({ world, layout, rendezvous, transferJitter, stragglers: { 1: 1.3 }, hostEvents: false })
          expect(splitsOf(communication)).toEqual(truth.kernels.map(({ waitNs, transferNs, waitedFor }) => ({ waitNs, transferNs, waitedFor, method: 'peers' })))
        }
      }
    }
  })

  test.each([
    ['global source and destination', {}, 'source and destination'],
    ['ranks that count within the group', { peerArgs: 'local', firstRank: 4 }, 'source and destination'],
    ['a process group only', { peerArgs: false }, 'process group'],
    ['annotations on the host only', { peerArgs: false, groupArgs: false, seqArgs: false }, 'order on a stream'],
    ['nothing but kernels of a complete world', { peerArgs: false, groupArgs: false, seqArgs: false, hostEvents: false }, 'order on a stream'],
  ] as const)('it does not matter what a trace says of partners: %s', (_, options, evidence) => {
    const { truth, communication } = ring(options)
    expect(new Set(communication.matches.filter(({ kind }) => kind === 'send-recv').map((match) => match.evidence))).toEqual(new Set([evidence]))
    expect(communication.matches.every(({ complete, kernels }) => complete && kernels.length === 4)).toBe(true)
    expect(splitsOf(communication).map(({ waitNs }) => waitNs)).toEqual(truth.kernels.map(({ waitNs }) => waitNs))
  })

  test.each([['Src Rank', 'Dst Rank'], ['Dst Rank', 'Src Rank']])('of kernels that name one end only (%s), the other is the rank that names them', (_, unnamed) => {
    const { files, truth } = ringTrace({ seqArgs: false, hostEvents: false })
    const oneEnd = files.map(({ name, text }) => ({ name, text: text.replaceAll(new RegExp(`,"${unnamed}":\\d+`, 'g'), '') }))
    const { kernels, splits } = communicationOf(ringTimeline(oneEnd))
    expect(kernels.map(({ source, destination }) => ({ source, destination }))).toEqual(truth.kernels.map(({ source, destination }) => ({ source, destination })))
    expect(splits.map(({ waitNs, method }) => ({ waitNs, method }))).toEqual(truth.kernels.map(({ waitNs }) => ({ waitNs, method: 'peers' })))
  })

  describe('sends and receives that are kernels of their own, on two streams', () => {
    /** Per hop a send and a receive, each ending 100 µs after both have begun. Rank r begins its send at `begins[r]`, its receive 1 µs later. */
    const begins = [0, 7, 40, 3]
    const hop = (at: number) => begins.flatMap((begin, rank) => {
      const [previous, next] = [(rank + 3) % 4, (rank + 1) % 4]
      const sendEnd = Math.max(begin, begins[next] + 1) + 100
      const receiveEnd = Math.max(begin + 1, begins[previous]) + 100
      return [
        { rank, stream: 20, role: 'send', startUs: at + begin, endUs: at + sendEnd, peer: { 'Src Rank': rank, 'Dst Rank': next }, waitNs: 1000 * (sendEnd - 100 - begin) },
        { rank, stream: 24, role: 'recv', startUs: at + begin + 1, endUs: at + receiveEnd, peer: { 'Src Rank': previous, 'Dst Rank': rank }, waitNs: 1000 * (receiveEnd - 100 - begin - 1) },
      ]
    })
    const kernels = [0, 500, 1000].flatMap(hop)
    type Kernel = (typeof kernels)[number]
    const communicationWith = (argsOf: (kernel: Kernel) => object) =>
      communicationOf(kernelTimeline(4, kernels.map((kernel) => ({ ...kernel, name: SEND_RECV_KERNEL, args: argsOf(kernel) }))))
    const truth = [0, 1, 2, 3].flatMap((rank) => kernels.filter((kernel) => kernel.rank === rank).map(({ waitNs }) => ({ waitNs, method: 'peers' })))
    const found = ({ splits }: Communication) => splits.map(({ waitNs, method }) => ({ waitNs, method }))

    test('meet by source and destination where no group is named', () => {
      expect(found(communicationWith(({ peer }) => peer))).toEqual(truth)
    })

    test('meet as those of neighbours where the group is named and peers are not, and that is said', () => {
      const communication = communicationWith(({ role }) => ({ 'Collective name': role, 'Process Group Name': '1', 'Process Group Ranks': '[0, 1, 2, 3]' }))
      expect(found(communication)).toEqual(truth)
      expect(communication.notes).toEqual([expect.stringContaining('name no peers')])
    })
  })

  test('kernels carry what is known of them: peers as global ranks, the group, its members and the bytes', () => {
    const { communication } = ring({ firstRank: 4, peerArgs: 'local', seqLen: 4096 })
    expect(communication.kernels[0]).toMatchObject({
      rank: 4, kind: 'send-recv', group: 'group 3 of ranks 4,5,6,7', order: 0, source: 7, destination: 5, members: [4, 5, 6, 7], bytes: 1024 * 2 * 8 * 128 * 2,
    })
    expect(communication.notes).toEqual([expect.stringContaining('count within the group')])
    expect(communication.kernels.find(({ kind }) => kind === 'all-reduce')).toMatchObject({ source: null, destination: null, bytes: 4 << 22 })
  })

  test('sends and receives of launches are read from the host where kernels say nothing', () => {
    const { files, truth } = ringTrace({ hostEvents: true })
    const silent = files.map(({ name, text }) => ({ name, text: text.split('\n').map((line) => (line.includes('"cat":"kernel"') ? line.replace(/,"Collective name".*/, '}},') : line)).join('\n') }))
    const communication = communicationOf(ringTimeline(silent))
    expect(communication.kernels[0]).toMatchObject({ source: 3, destination: 1, members: [0, 1, 2, 3], bytes: 1024 * 2 * 8 * 128 * 2 })
    expect(communication.splits.map(({ waitNs }) => waitNs)).toEqual(truth.kernels.map(({ waitNs }) => waitNs))
  })

  test('where the source is missing, the fastest transfer of the kind counts as transfer and the rest as waiting', () => {
    const { files } = ringTrace({ transferJitter: 0, stragglers: { 2: 2 }, collectives: false })
    const communication = communicationOf(ringTimeline([files[0], files[1], files[3]]))
    for (const [at, { rank, startNs, endNs, bytes }] of communication.kernels.entries()) {
      // Rank 3 receives from the missing rank 2, rank 1 sends to it.
      expect(communication.splits[at].method).toBe(rank === 0 ? 'peers' : 'estimate')
      const transferNs = bytes === 1024 * 2 * 8 * 128 * 2 ? 150_000 : 300_000
      if (rank === 3) expect(communication.splits[at]).toMatchObject({ transferNs, waitNs: endNs - startNs - transferNs })
    }
    expect(communication.matches.every(({ complete }) => !complete)).toBe(true)
  })

  test('a single rank has estimates only, and nothing to match', () => {
    const { files } = ringTrace()
    const { matches, splits, kernels } = communicationOf(ringTimeline([files[1]]))
    expect([matches, new Set(splits.map(({ method }) => method)), kernels.length > 0]).toEqual([[], new Set(['estimate']), true])
    expect(splits.every(({ waitNs, transferNs }, at) => waitNs >= 0 && transferNs > 0 && waitNs + transferNs === kernels[at].endNs - kernels[at].startNs)).toBe(true)
  })

  test('an all-to-all that runs as SendRecv kernels is no ring: each needs all others', () => {
    const { files } = ringTrace({ peerArgs: false })
    const renamed = files.map(({ name, text }) => ({ name, text: text.replaceAll('"Collective name":"coalesced"', '"Collective name":"alltoall_base"') }))
    const { kernels, matches } = communicationOf(ringTimeline(renamed))
    expect(new Set(kernels.map(({ kind }) => kind))).toEqual(new Set(['all-to-all', 'all-reduce']))
    expect(matches.every(({ needs }) => needs.every((each) => each.length === 3))).toBe(true)
  })

  test('windows that were cut differently are put together by sequence numbers, and without them by the rhythm of their ends', () => {
    for (const seqArgs of [true, false]) {
      const { truth, communication } = ring({ firstHop: { 1: 7, 2: 3 }, seqArgs })
      const matched = communication.splits.filter(({ method }) => method === 'peers')
      expect(matched.length).toBeGreaterThan(communication.kernels.length * 0.7)
      for (const { kernel, waitNs } of matched) expect(waitNs).toBe(truth.kernels[kernel].waitNs)
    }
  })

  test('what only order suggests is given up where it would have kernels end before those that they need began', () => {
    const { files } = ringTrace({ groupArgs: false, peerArgs: false, seqArgs: false })
    const apart = shiftRanks(ringTimeline(files), [{ rank: 1, offsetNs: 5_000_000 }])
    const { matches, notes, splits } = communicationOf(apart)
    expect(matches).toEqual([])
    expect(notes).toEqual(expect.arrayContaining([expect.stringContaining('send-recv kernels of stream 20: their order would have')]))
    expect(new Set(splits.map(({ method }) => method))).toEqual(new Set(['estimate']))
  })

  test('ranks that are on no common clock are not compared', () => {
    const timeline = ringTimeline(ringTrace().files)
    const { trace } = timeline
    if (trace === null) throw new Error('the generated timeline has no trace')
    const unrelated = { ...timeline, trace: { ...trace, ranks: trace.ranks.map((rank) => ({ ...rank, uncertaintyNs: rank.rank === 0 ? 0 : null })) } }
    expect(new Set(communicationOf(unrelated).splits.map(({ method }) => method))).toEqual(new Set(['estimate']))
  })

  test('runs of our own have no kernels', () => {
    const timeline = ringTimeline(ringTrace().files)
    expect(communicationOf({ ...timeline, trace: null })).toEqual({ kernels: [], matches: [], splits: [], notes: [] })
  })
})
