import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Plan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { PAYLOADS, RANK_LANES, SPAN_CATEGORIES, laneOf } from '../../kernels/timeline/categories.ts'
import { tmpfsState } from '../../kernels/transport/tmpfs.ts'
import { runResult } from '../analysis/runResult.ts'
import { findInstallation } from '../installation.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { leftBehind, modelledRing, reaches, smallRing, start } from './testing.ts'

const NOTHING = { alive: [], folders: [] }
const shared = tmpfsState().available ? 'shared-memory' : 'socket'
/** The fused kernel where it is built. */
const backend = existsSync(join(findInstallation().kernelsDir, 'attention.simd.wasm')) ? 'wasm' : 'tfjs-cpu'

/** Transfers of each kind as ranks took them in: "rank lane payload bytes" and how often. */
function received({ lanes, spans }: Timeline): Map<string, number> {
  const counts = new Map<string, number>()
  for (let at = 0; at < spans.count; at++) {
    if (SPAN_CATEGORIES[spans.category[at]] !== 'recv') continue
    const { rank, tid } = lanes[spans.lane[at]]
    const kind = `${rank} ${RANK_LANES[tid]} ${PAYLOADS[spans.payload[at]]} ${spans.bytes[at]}`
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

/** The same as the plan has it. */
function planned({ ranks }: Plan): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { rank, steps } of ranks) {
    for (const { channel, payload, bytes } of steps.flatMap((step) => step.recvs)) {
      const kind = `${rank} ${laneOf(channel, 'recv')} ${payload} ${bytes}`
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
  }
  return counts
}

function expectDisjointLanes({ lanes, spans }: Timeline): void {
  const ofLane = lanes.map((): (readonly [number, number])[] => [])
  for (let at = 0; at < spans.count; at++) ofLane[spans.lane[at]].push([spans.startNs[at], spans.startNs[at] + spans.durationNs[at]])
  ofLane.forEach((ends, lane) => {
    ends.sort(([a], [b]) => a - b).forEach(([startNs], at) => {
      if (at > 0) expect(startNs, lanes[lane].name).toBeGreaterThanOrEqual(ends[at - 1][1])
    })
  })
}

describe('every algorithm, forward and backward on real processes', () => {
  /** Lengths that nothing divides, fewer K/V heads than a Ulysses group has members. */
  const problem = { pass: 'forward-backward', seqLen: 45, batch: 2, heads: 4, kvHeads: 2, headDim: 8, backend, iterations: 1, warmup: 0 }
  const cases: Record<string, unknown>[] = [
    { world: 1, transport: 'socket' },
    { world: 3, transport: 'socket' },
    { world: 2, transport: shared, overlap: false, layout: 'block-cyclic', cyclicWidth: 4 },
    { world: 4, ringSets: 2, transport: shared },
    { world: 4, algorithm: 'double-ring', window: 2, transport: 'socket', overlap: false },
    { world: 4, algorithm: 'double-ring', window: 2, transport: shared },
    { world: 4, algorithm: 'ulysses', transport: 'socket' },
    { world: 4, algorithm: 'hybrid', ulyssesDegree: 2, transport: shared, overlap: false },
    { world: 3, algorithm: 'distflash', layout: 'contiguous', transport: 'socket' },
    { world: 4, algorithm: 'distflash', layout: 'contiguous', transport: shared, overlap: false },
  ]
  const checksums: number[] = []

  it.each(cases)('agrees with the definition and moves what is planned: %j', async (changes) => {
    const run = start(smallRing({ ...problem, ...changes }))
    const timeline = await run.finished
    const record = timeline.run
    expect(record?.failure).toBeNull()
    expect(record).toMatchObject({ transport: run.config.transport, backend, causalityViolations: 0, verification: { passed: true, gradTolerance: 1e-4 } })
    expect(record?.verification?.checkedGradRows).toBeGreaterThan(0)
    expect(record?.verification?.maxAbsGradError).toBeGreaterThan(0)
    expect(received(timeline)).toEqual(planned(planRun(run.config)))
    expectDisjointLanes(timeline)
    expect(leftBehind(run)).toEqual(NOTHING)
    checksums.push(record?.outputChecksum ?? Number.NaN)
    expect(Math.abs(checksums[0] - (checksums.at(-1) ?? Number.NaN))).toBeLessThan(1e-5 * Math.abs(checksums[0]))
  })

  it.each(['socket', shared])('bfloat16 K/V over %s costs what its tolerance allows, and not nothing', async (transport) => {
    const run = start(smallRing({ ...problem, world: 4, algorithm: 'hybrid', ulyssesDegree: 2, wireDtype: 'bfloat16', transport }))
    const { run: record } = await run.finished
    expect(record?.verification).toMatchObject({ passed: true, tolerance: 2e-2, gradTolerance: 2e-2 })
    expect(record?.verification?.maxAbsError).toBeGreaterThan(1e-4)
    expect(record?.verification?.maxAbsGradError).toBeGreaterThan(1e-4)
  })
})

describe('a rank that is killed', () => {
  it.each([
    { algorithm: 'double-ring', window: 2 },
    { algorithm: 'ulysses', transport: 'socket' },
    { algorithm: 'distflash', mask: 'causal', layout: 'contiguous' },
  ])('is the one that is named, and nothing is left: %j', async (changes) => {
    const run = start(modelledRing(30, { world: 4, heads: 4, seqLen: 64, iterations: 1000, pass: 'forward-backward', ...changes }))
    await reaches(run, 1)
    run.processes[2].kill('SIGKILL')
    const timeline = await run.finished
    expect(timeline.run?.failure).toMatchObject({ kind: 'crashed', rank: 2 })
    expect(timeline.run?.failure?.message).toMatch(/rank 2 .*SIGKILL/)
    expect(timeline.run?.failure?.iteration).toBeGreaterThanOrEqual(1)
    expect(timeline.spans.count).toBeGreaterThan(0)
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('cancelling', () => {
  it.each(['socket', shared])('works in the middle of an all-to-all over %s and leaves nothing', async (transport) => {
    // Blocks of 1 ms; a part of 8 KiB takes 80 ms on the wire, three of them go one after the other.
    const link = { bandwidthGBps: 1e-4, latencyUs: 0 }
    const run = start(modelledRing(1, { world: 4, heads: 4, seqLen: 256, headDim: 32, algorithm: 'ulysses', iterations: 1000, link, transport }))
    await reaches(run, 1)
    run.cancel()
    const timeline = await run.finished
    expect(timeline.run?.failure).toMatchObject({ kind: 'cancelled', rank: null })
    expect(timeline.spans.count).toBeGreaterThan(0)
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('modelled ranks', () => {
  // Blocks of 40 ms forward and 100 ms backward; K and V take 26 ms on the wire.
  const link = { bandwidthGBps: 0.01, latencyUs: 200 }
  const problem = { world: 4, seqLen: 2048, heads: 4, headDim: 16, pass: 'forward-backward', iterations: 3, link }

  it.each([
    { mask: 'full' }, { mask: 'full', overlap: false },
    { algorithm: 'double-ring', window: 2, mask: 'full' },
    { algorithm: 'hybrid', ulyssesDegree: 2, mask: 'full' },
    { algorithm: 'distflash', layout: 'contiguous', mask: 'causal' },
  ])('take as long as simulated: %j', { retry: 2 }, async (changes) => {
    const config = modelledRing(40, { ...problem, ...changes })
    const measured = runResult(await start(config).finished, null)
    const simulated = runResult(simulateRing(config, { gflopsPerRank: config.model?.gflops ?? 0, link }), null)
    expect(measured.failure).toBeNull()
    expect(measured.modelled).toBe(true)
    // Emulated waits never end early, and what else the machine does only delays: the fastest iteration is the least disturbed.
    const fastestMs = Math.min(...measured.iterations.map(({ makespanMs }) => makespanMs))
    expect(fastestMs / simulated.makespanMs).toBeGreaterThan(0.98)
    expect(fastestMs / simulated.makespanMs).toBeLessThan(1.1)
  })
})
