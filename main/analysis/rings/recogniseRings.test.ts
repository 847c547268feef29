import { describe, expect, test } from 'vitest'
import { CATEGORY_CODE } from '../../../kernels/timeline/categories.ts'
import { LAYOUTS } from '../../../kernels/config/runConfig.ts'
import type { CommKernel, Communication } from '../../comm/comm.ts'
import { communicationOf } from '../../comm/communication.ts'
import { kernelTimeline, SEND_RECV_KERNEL, type WrittenKernel } from '../../comm/testing/kernelTimeline.ts'
import type { RingTraceOptions } from '../../comm/testing/ringTrace.ts'
import { type Timeline, TimelineBuilder } from '../../timeline/timeline.ts'
import { recogniseRings } from './recogniseRings.ts'
import type { RingPass } from './ringPasses.ts'
import { ringOf, traceContentOf, withKinds } from '../testing.ts'
import { kernelsOf } from './traceSteps.ts'

/** Every recognised pass, step by step, against what the generator did. @param missing passes that cut windows do not hold, at the start. */
function expectTruth(options: Partial<RingTraceOptions>, missing = 0): readonly RingPass[] {
  const { timeline, truth } = ringOf(options)
  const communication = communicationOf(timeline)
  const passes = recogniseRings(timeline, communication)
  const expected = truth.passes.slice(missing)
  expect(passes.map(({ pass }) => pass)).toEqual(expected.map(({ pass }) => pass))
  passes.forEach((pass, at) => {
    expect(pass.ranks).toEqual(truth.ranks.map(({ rank }) => rank))
    expect(pass.steps).toHaveLength(expected[at].steps.length)
    pass.steps.forEach((step, index) => {
      const { computeNs, waitNs, transferNs } = expected[at].steps[index]
      expect(step.computeNs).toEqual(computeNs)
      // What the step's kernels took in all: it says that they are the right ones.
      const tookNs = pass.ranks.map((_, position) => kernelsOf(step, position).reduce((sum, kernel) => sum + communication.kernels[kernel].endNs - communication.kernels[kernel].startNs, 0))
      expect(tookNs).toEqual(waitNs.map((wait, position) => wait + transferNs[position]))
      step.startNs.forEach((start, position) => { expect(step.endNs[position]).toBeGreaterThanOrEqual(start) })
    })
  })
  return passes
}

const NO_ARGS = { peerArgs: false, groupArgs: false, seqArgs: false, hostEvents: false, flows: false } as const

describe('passes and steps of generated rings', () => {
  test.each(LAYOUTS.flatMap((layout) => [2, 3, 4, 8].map((world) => [layout, world] as const)))('%s, %i ranks', (layout, world) => {
    expectTruth({ layout, world, seqLen: 3072 })
  })

  test.each<[string, Partial<RingTraceOptions>]>([
    ['no source and destination', { peerArgs: false }],
    ['no arguments and no host events at all', NO_ARGS],
    ['numbers within the group', { peerArgs: 'local', firstRank: 8 }],
    ['no overlap', { overlap: false }],
    ['nothing between the passes', { otherKernels: false, collectives: false, ...NO_ARGS }],
    ['nothing between the passes and no overlap', { otherKernels: false, collectives: false, overlap: false }],
    ['a wire ten times slower than compute', { transferNs: 3_000_000 }],
    ['a rank twice as slow, and a warm-up', { stragglers: { 1: 2 }, warmup: 1 }],
    ['sends that are buffered', { rendezvous: 'receive' }],
    ['one direction only', { pass: 'forward', otherKernels: false }],
    ['the backward pass only', { pass: 'backward' }],
  ])('%s', (_, options) => {
    for (const layout of ['contiguous', 'zigzag'] as const) expectTruth({ layout, ...options })
  })

  test('a window that begins within a pass: that pass and what the other ranks did in it are left out', () => {
    for (const layout of ['contiguous', 'zigzag'] as const) {
      expectTruth({ layout, world: 4, firstHop: { 0: 5 } }, 2)
      expectTruth({ layout, world: 4, firstHop: { 1: 4 }, peerArgs: false, groupArgs: false }, 2)
    }
  })

  test('the last hop of gradients belongs to the last step, and in a forward pass nothing does', () => {
    const [forward, , backward] = expectTruth({ world: 4, layers: 2 })
    expect(forward.steps[3].kernels).toEqual([null, null, null, null])
    expect(forward.steps[0].further).toEqual([[], [], [], []])
    expect(backward.steps[0].further.map((own) => own.length)).toEqual([1, 1, 1, 1])
    expect(backward.steps[3].kernels).not.toContain(null)
  })

  test('where the order comes from is said', () => {
    const orderOf = (options: Partial<RingTraceOptions>): string => {
      const { timeline } = ringOf(options)
      return recogniseRings(timeline, communicationOf(timeline))[0].orderFrom
    }
    expect(orderOf({})).toBe('source and destination')
    expect(orderOf({ ...NO_ARGS })).toBe('rank numbers')
  })

  test("one rank's file of four: the ring is known by its destination, and has four steps", () => {
    const { timeline, truth } = ringOf({ world: 4, layout: 'zigzag' }, (rank) => rank === 2)
    const passes = recogniseRings(timeline, communicationOf(timeline))
    expect(passes).toHaveLength(truth.passes.length)
    for (const { ranks, cycle, size, steps } of passes) expect({ ranks, cycle, size, steps: steps.length }).toEqual({ ranks: [2], cycle: [0, 1, 2, 3], size: 4, steps: 4 })
  })

  test("one rank's file that names nobody: as many ranks as blocks are computed in a pass", () => {
    const { timeline } = ringOf({ world: 4, pass: 'forward', ...NO_ARGS, distributedInfo: true }, (rank) => rank === 2)
    expect(new Set(recogniseRings(timeline, communicationOf(timeline)).map(({ size }) => size))).toEqual(new Set([4]))
  })
})

interface Sketch {
  readonly rank: number
  readonly name: string
  readonly startNs: number
  readonly durationNs: number
  readonly to?: number
  readonly from?: number
}

const ATTENTION = 'flash_fwd_kernel'
const BACKWARD = 'flash_bwd_kernel'
const SEND_RECV = 'ncclDevKernel_SendRecv'

/** A timeline of hand-made kernels. Point-to-point kernels match where one sends what the other receives at the same place in order. */
function sketched(kernels: readonly Sketch[]): { timeline: Timeline; communication: Communication } {
  const builder = new TimelineBuilder('sketch', 'trace')
  const lanes = new Map<string, number>()
  const comm: CommKernel[] = []
  const sorted = kernels.toSorted((a, b) => a.rank - b.rank || a.startNs - b.startNs)
  for (const { rank, name, startNs, durationNs, from, to } of sorted) {
    const stream = name === SEND_RECV ? 20 : 7
    const key = `${rank} ${stream}`
    const lane = lanes.get(key) ?? builder.addLane({ rank, name: `stream ${stream}`, pid: rank, tid: stream, kind: 'gpu' })
    lanes.set(key, lane)
    if (name === SEND_RECV) {
      comm.push({
        span: builder.spanCount, rank, kind: 'send-recv', group: 'cp', order: comm.filter((kernel) => kernel.rank === rank).length,
        startNs, endNs: startNs + durationNs, source: from ?? null, destination: to ?? null, members: null, bytes: null,
      })
    }
    const category = CATEGORY_CODE[name === SEND_RECV ? 'communication' : 'compute']
    builder.append({ lane, category, name: builder.intern(name), startNs, durationNs })
  }
  const timeline = builder.timeline(null)
  const matches = comm.flatMap((kernel, at) => {
    const partner = comm.findIndex((other) => other.rank === kernel.destination && other.source === kernel.rank && other.startNs === kernel.startNs)
    return partner < 0 ? [] : [{ kind: 'send-recv' as const, kernels: [at, partner], complete: true, needs: [[partner], [at]], evidence: 'source and destination' as const }]
  })
  return {
    timeline: withKinds({ ...timeline, trace: traceContentOf(timeline) }),
    communication: { kernels: comm, matches, notes: [], splits: comm.map(({ startNs, endNs }, kernel) => ({ kernel, waitNs: 0, transferNs: endNs - startNs, method: 'peers' as const, waitedFor: null })) },
  }
}

const ringRanks = [0, 1, 2, 3]
const next = (rank: number, by = 1): number => (rank + by + 4) % 4

/** A pass of four ranks: a step is 95 ns of attention beside a hop. */
const passAt = (startNs: number, name: string, hop: (rank: number, startNs: number) => readonly Sketch[]): Sketch[] =>
  ringRanks.flatMap((rank) => [
    { rank, name: 'ampere_sgemm', startNs: startNs - 50, durationNs: 40 },
    ...[0, 1, 2, 3].flatMap((step) => [
      { rank, name, startNs: startNs + step * 100, durationNs: 95 },
      ...(step < 3 ? hop(rank, startNs + step * 100) : []),
    ]),
  ])

/** One kernel that sends and receives. */
const twoSided = (towards: number) => (rank: number, startNs: number): Sketch[] =>
  [{ rank, name: SEND_RECV, startNs, durationNs: 60, to: next(rank, towards), from: next(rank, -towards) }]

describe('what rings look like elsewhere', () => {
  test('sending and receiving are kernels of their own: one hop', () => {
    const { timeline, communication } = sketched(passAt(1000, ATTENTION, (rank, startNs) => [
      { rank, name: SEND_RECV, startNs: startNs + (rank % 2), durationNs: 50, to: next(rank) },
      { rank, name: SEND_RECV, startNs: startNs + 1 - (rank % 2), durationNs: 60, from: next(rank, -1) },
    ]))
    const [pass, ...others] = recogniseRings(timeline, {
      ...communication,
      // Each send with the receive of its step.
      matches: communication.kernels.flatMap((kernel, at) => {
        const partner = communication.kernels.findIndex((other) => other.source === kernel.rank && other.rank === kernel.destination && Math.abs(other.startNs - kernel.startNs) < 10)
        return partner < 0 ? [] : [{ kind: 'send-recv' as const, kernels: [at, partner], complete: true, needs: [[], [at]], evidence: 'source and destination' as const }]
      }),
    })
    expect(others).toEqual([])
    expect(pass).toMatchObject({ pass: 'forward', cycle: [0, 1, 2, 3], size: 4 })
    pass.steps.slice(0, 3).forEach(({ kernels, further }) => {
      kernels.forEach((kernel, position) => {
        expect(communication.kernels[kernel ?? -1].source).toBe(next(position, -1))
        expect(further[position].map((at) => communication.kernels[at].destination)).toEqual([next(position)])
      })
    })
  })

  test('a backward pass that goes round the other way is a ring of its own', () => {
    const { timeline, communication } = sketched([...passAt(1000, ATTENTION, twoSided(1)), ...passAt(3000, BACKWARD, twoSided(-1))])
    expect(recogniseRings(timeline, communication).map(({ pass, cycle }) => [pass, cycle])).toEqual([['forward', [0, 1, 2, 3]], ['backward', [0, 3, 2, 1]]])
  })

  test('three kernels that compute one block backward are one step', () => {
    const sketches = passAt(1000, BACKWARD, twoSided(1)).flatMap((sketch) => (sketch.name !== BACKWARD ? [sketch] : [
      { ...sketch, name: 'flash_bwd_dot_do_o_kernel', durationNs: 10 },
      { ...sketch, startNs: sketch.startNs + 10, durationNs: 70 },
      { ...sketch, name: 'flash_bwd_convert_dq_kernel', startNs: sketch.startNs + 82, durationNs: 8 },
    ]))
    const { timeline, communication } = sketched(sketches)
    const [pass] = recogniseRings(timeline, communication)
    expect(pass.steps.map(({ computeNs }) => computeNs)).toEqual(Array<number[]>(4).fill([88, 88, 88, 88]))
  })

  test('a lookback window: fewer hops than ranks, as many steps as blocks', () => {
    const { timeline, communication } = sketched(passAt(1000, ATTENTION, twoSided(1)).filter(({ startNs }) => startNs < 1200)
      .filter(({ name, startNs }) => name !== SEND_RECV || startNs < 1100))
    const [pass] = recogniseRings(timeline, communication)
    expect(pass).toMatchObject({ size: 4 })
    expect(pass.steps).toHaveLength(2)
  })
})

describe('what is no ring', () => {
  test('the sends of a pipeline that wraps around: no attention stands right beside them', () => {
    const { timeline, communication } = sketched(ringRanks.flatMap((rank) => [0, 1, 2, 3, 4, 5].flatMap((micro): Sketch[] => [
      ...twoSided(1)(rank, micro * 1000),
      { rank, name: 'ampere_sgemm', startNs: micro * 1000 + 100, durationNs: 50 },
      { rank, name: ATTENTION, startNs: micro * 1000 + 200, durationNs: 50 },
      { rank, name: 'ampere_sgemm', startNs: micro * 1000 + 300, durationNs: 50 },
    ])))
    expect(communication.kernels).toHaveLength(24)
    expect(recogniseRings(timeline, communication)).toEqual([])
  })

  test('all-to-alls beside attention, and timelines without device communication', () => {
    const { timeline, communication } = sketched(passAt(1000, ATTENTION, twoSided(1)))
    expect(recogniseRings(timeline, { ...communication, kernels: communication.kernels.map((kernel) => ({ ...kernel, kind: 'all-to-all' as const })) })).toEqual([])
    expect(recogniseRings(new TimelineBuilder('empty', 'trace').timeline(null), { kernels: [], matches: [], splits: [], notes: [] })).toEqual([])
  })
})

describe('what looks like a ring from one rank only', () => {
  const passesOf = (kernels: readonly WrittenKernel[]): readonly RingPass[] => {
    const timeline = withKinds(kernelTimeline(4, kernels))
    return recogniseRings(timeline, communicationOf(timeline))
  }
  const kernel = (rank: number, stream: number, name: string, startUs: number, endUs: number, args?: object): WrittenKernel => ({ rank, stream, name, startUs, endUs, ...(args && { args }) })
  const ranks = [0, 1, 2, 3]
  const microbatches = Array.from({ length: 8 }, (_, at) => at)
  /** A pipeline: each stage receives, computes, sends on; then the same with gradients, backwards. */
  const pipeline = (peersOf: (from: number, to: number) => object): WrittenKernel[] => [1, -1].flatMap((direction) => microbatches.flatMap((batch) => ranks.flatMap((rank): WrittenKernel[] => {
    const at = (direction === 1 ? rank : 100 + 3 - rank) * 400 + batch * 1000
    const [previous, next] = [rank - direction, rank + direction]
    return [
      ...(previous in ranks ? [kernel(rank, 20, SEND_RECV_KERNEL, at, at + 50, peersOf(previous, rank))] : []),
      kernel(rank, 7, `flash_${direction === 1 ? 'fwd' : 'bwd'}_kernel`, at + 60, at + 200),
      ...(next in ranks ? [kernel(rank, 20, SEND_RECV_KERNEL, at + 210, at + 260, peersOf(rank, next))] : []),
    ]
  })))
  const group = { 'Collective name': 'coalesced', 'Process Group Name': 'pp', 'Process Group Ranks': '[0, 1, 2, 3]' }

  test.each<[string, (from: number, to: number) => object]>([
    ['source and destination', (from, to) => ({ 'Src Rank': from, 'Dst Rank': to })],
    ['source, destination and the group', (from, to) => ({ ...group, 'Src Rank': from, 'Dst Rank': to })],
    ['the group', () => group],
    ['nothing', () => ({})],
  ])('the stages of a pipeline whose kernels name %s', (_, peersOf) => {
    expect(passesOf(pipeline(peersOf))).toEqual([])
  })

  test('exchanges before and after one attention kernel, of which nothing is said', () => {
    const layers = microbatches.flatMap((layer) => ranks.flatMap((rank): WrittenKernel[] => {
      const at = layer * 1000
      return [
        kernel(rank, 7, 'ampere_bf16_gemm', at, at + 100), ...[110, 160, 210].map((start) => kernel(rank, 20, SEND_RECV_KERNEL, at + start, at + start + 40)),
        kernel(rank, 7, 'flash_fwd_kernel', at + 260, at + 500), kernel(rank, 20, SEND_RECV_KERNEL, at + 510, at + 550), kernel(rank, 7, 'ampere_bf16_gemm', at + 560, at + 700),
      ]
    }))
    expect(passesOf(layers)).toEqual([])
  })
})

test('of ranks that are not neighbours both are in the ring', () => {
  for (const peerArgs of [true, false]) {
    const { timeline, truth } = ringOf({ peerArgs }, (rank) => rank % 2 === 0)
    const passes = recogniseRings(timeline, communicationOf(timeline))
    expect(passes).toHaveLength(truth.passes.length)
    expect(passes.every(({ ranks: present, size }) => present.join() === '0,2' && size === 4)).toBe(true)
    passes.forEach(({ steps }, at) => { expect(steps.map(({ computeNs }) => computeNs)).toEqual(truth.passes[at].steps.map(({ computeNs }) => [computeNs[0], computeNs[2]])) })
  }
})

test('a backward pass that goes the other way round, with nothing between the passes: each direction has its own hops', () => {
  const ranks = [0, 1, 2, 3]
  const kernels = ranks.flatMap((rank) => [0, 1].flatMap((iteration): WrittenKernel[] => {
    const at = (step: number): number => 1000 * iteration + 100 * step
    const hop = (step: number, channel: 'kv' | 'dkv', onward: number): WrittenKernel => ({
      rank, stream: channel === 'kv' ? 20 : 21, name: SEND_RECV_KERNEL, startUs: at(step) + rank, endUs: at(step) + 50 + rank,
      args: {
        'Collective name': 'coalesced', 'Process Group Name': channel, 'Process Group Ranks': '[0, 1, 2, 3]',
        'Src Rank': (rank - onward + 4) % 4, 'Dst Rank': (rank + onward) % 4,
      },
    })
    const block = (step: number): WrittenKernel =>
      ({ rank, stream: 7, name: step < 4 ? 'flash_fwd_kernel' : 'flash_bwd_kernel', startUs: at(step) + 5, endUs: at(step) + 95 })
    return [
      ...[0, 1, 2].map((step) => hop(step, 'kv', 1)), ...[4, 5, 6].map((step) => hop(step, 'kv', -1)), ...[5, 6, 7].map((step) => hop(step, 'dkv', -1)),
      ...[0, 1, 2, 3, 4, 5, 6, 7].map(block),
    ]
  }))
  const timeline = withKinds(kernelTimeline(4, kernels))
  const passes = recogniseRings(timeline, communicationOf(timeline))
  const hops = (pass: RingPass): number => pass.steps.reduce((sum, step) => sum + kernelsOf(step, 0).length, 0)
  expect(passes.map((pass) => [pass.pass, pass.cycle.join(' '), pass.steps.length, hops(pass)])).toEqual([
    ['forward', '0 1 2 3', 4, 3], ['backward', '0 3 2 1', 4, 6], ['forward', '0 1 2 3', 4, 3], ['backward', '0 3 2 1', 4, 6],
  ])
})
