import fc from 'fast-check'
import { parseRunConfig, type RunConfigInput } from '../../../kernels/config/runConfig.ts'
import { CATEGORY_CODE, PAYLOADS, RANK_LANES, SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import type { RunRecord } from '../../../preload/contract/run.ts'
import { simulateRing } from '../../simulator/testSimulation.ts'
import { type Timeline, TimelineBuilder } from '../../timeline/timeline.ts'

/** A simulated ring with transfers, waits and a straggler. */
export function simulatedRing(fields: Partial<RunConfigInput> = {}): Timeline {
  const config = parseRunConfig({ name: 'ring', world: 4, seqLen: 256, heads: 2, headDim: 16, stragglers: { 1: 1.5 }, ...fields }, 'test')
  return simulateRing(config, { gflopsPerRank: 1, link: { bandwidthGBps: 0.7, latencyUs: 3.3 } })
}

const FAILURE = { kind: 'crashed', rank: 1, iteration: 2, step: 1, lastSpan: 'compute, step 0', message: 'rank 1 "died"' } as const

const recordOf = (world: number, iterations: number, failed: boolean, checksum: number): RunRecord => ({
  config: parseRunConfig({ name: 'as if run', world, seqLen: 64, heads: 1, headDim: 4, iterations, warmup: 1 }, 'test'),
  backend: 'wasm', device: 'wasm relaxed-SIMD, 1 thread', transport: 'socket', modelled: false,
  warnings: ['more ranks than cores'],
  iterations: Array.from({ length: failed ? 2 : iterations + 1 }, (_, iteration) =>
    ({ iteration, warmup: iteration === 0, startNs: iteration * 100_000, endNs: iteration * 100_000 + 90_001 })),
  clocks: Array.from({ length: world }, (_, rank) =>
    ({ rank, startOffsetNs: 0.5 - rank, startUncertaintyNs: 1500.25, endOffsetNs: rank === 0 ? null : 3, endUncertaintyNs: rank === 0 ? null : 7 })),
  recorderOverheadNs: 112.5, causalityViolations: 0,
  verification: {
    checkedRows: 9, checkedGradRows: 3, maxAbsError: 1.2e-7, maxAbsGradError: 2e-6, tolerance: 1e-5, gradTolerance: 1e-4, passed: true,
  },
  outputChecksum: checksum, failure: failed ? FAILURE : null, startedAt: '2026-03-04T05:06:07.089Z',
})

/** Timelines such as real runs leave: several iterations, all columns, any spans (also of no length), also failed runs. */
export const anyRunTimeline: fc.Arbitrary<Timeline> = fc.record({
  world: fc.integer({ min: 1, max: 3 }), iterations: fc.integer({ min: 1, max: 3 }), failed: fc.boolean(),
  checksum: fc.double({ noNaN: true, noDefaultInfinity: true }),
  spans: fc.array(fc.record({
    lane: fc.nat(44), category: fc.nat(SPAN_CATEGORIES.length - 1), gapNs: fc.nat(20_000), durationNs: fc.oneof(fc.constant(0), fc.nat(30_000)),
    iteration: fc.integer({ min: -1, max: 3 }), step: fc.integer({ min: -1, max: 3 }), peer: fc.integer({ min: -1, max: 3 }),
    payload: fc.nat(PAYLOADS.length - 1), bytes: fc.oneof(fc.constant(Number.NaN), fc.nat()), flops: fc.oneof(fc.constant(Number.NaN), fc.maxSafeInteger().map(Math.abs)),
    cpuNs: fc.oneof(fc.constant(Number.NaN), fc.nat()), name: fc.constantFrom('compute', 'straggler delay', 'a "quoted"\nname é', 'send'),
  }), { maxLength: 40 }),
}).map(({ world, iterations, failed, checksum, spans }) => {
  const builder = new TimelineBuilder('as if run', 'run')
  for (let rank = 0; rank < world; rank++) RANK_LANES.forEach((name, tid) => builder.addLane({ rank, name, pid: 4000 + rank, tid }))
  const clock = new Float64Array(world * RANK_LANES.length)
  const hops = { send: 0, recv: 0 }
  for (const { lane: anyLane, category, gapNs, name, ...span } of spans) {
    const lane = anyLane % clock.length
    const startNs = clock[lane] + gapNs
    clock[lane] = startNs + span.durationNs
    const hop = category === CATEGORY_CODE.send ? hops.send++ : category === CATEGORY_CODE.recv ? hops.recv++ : -1
    builder.append({ ...span, lane, category, startNs, name: builder.intern(name), hop })
  }
  return builder.timeline(recordOf(world, iterations, failed, checksum === 0 ? 0 : checksum))
})

/**
 * A timeline's spans in plain form: names, not indices, so that two timelines can be compared. In the order of a file,
 * where of spans that start together the longer one comes first, as viewers expect.
 */
export function spanRows({ spans, strings }: Timeline): object[] {
  return Array.from({ length: spans.count }, (_, at) => ({
    lane: spans.lane[at], category: spans.category[at], name: strings[spans.name[at]],
    startNs: spans.startNs[at], durationNs: spans.durationNs[at],
    iteration: spans.iteration[at], step: spans.step[at], peer: spans.peer[at], hop: spans.hop[at], payload: PAYLOADS[spans.payload[at]],
    bytes: spans.bytes[at], flops: spans.flops[at], cpuNs: spans.cpuNs[at],
  })).sort((a, b) => a.lane - b.lane || a.startNs - b.startNs || b.durationNs - a.durationNs)
}
