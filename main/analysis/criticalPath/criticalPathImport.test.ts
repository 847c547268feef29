import { describe, expect, test } from 'vitest'
import type { CriticalPath } from '../../../preload/contract/analysis.ts'
import { communicationOf } from '../../comm/communication.ts'
import type { RingTraceOptions } from '../../comm/testing/ringTrace.ts'
import { criticalPath } from './criticalPath.ts'
import { recogniseRings } from '../rings/recogniseRings.ts'
import { ringOf } from '../testing.ts'

/** The path of a generated ring, and its true makespan. Attention and its ring alone, unless said otherwise. */
function pathOf(options: Partial<RingTraceOptions>): { path: CriticalPath; trueUs: number } {
  const { timeline, truth } = ringOf({ otherKernels: false, collectives: false, layers: 1, iterations: 1, seqLen: 16_384, ...options })
  const communication = communicationOf(timeline)
  const path = criticalPath(timeline, communication, recogniseRings(timeline, communication))
  if (path === null) throw new Error('no path')
  const { computeUs, wireUs, imbalanceUs, launchGapUs, memoryUs, otherUs } = path
  expect(computeUs + wireUs + imbalanceUs + launchGapUs + memoryUs + otherUs).toBeCloseTo(path.makespanUs, 6)
  for (const us of Object.values(path.whatIf)) expect(us).toBeLessThanOrEqual(path.makespanUs)
  return { path, trueUs: truth.makespanNs / 1000 }
}

describe('the critical path of a ring whose truth is known', () => {
  test.each([
    { world: 4, pass: 'both' }, { world: 3, pass: 'backward' }, { world: 5, pass: 'forward' }, { world: 4, pass: 'both', overlap: false },
  ] as const)('with contiguous shards, balanced work would make it as fast as zigzag: %j', (options) => {
    const { path, trueUs } = pathOf({ ...options, layout: 'contiguous' })
    const even = pathOf({ ...options, layout: 'zigzag' })
    expect(path.makespanUs / trueUs).toBeCloseTo(1, 3)
    expect(Math.abs(path.whatIf.balancedLayoutUs / even.trueUs - 1)).toBeLessThan(0.02)
    expect(Math.abs(path.computeUs / even.path.computeUs - 1)).toBeLessThan(0.001)
    expect(even.path.imbalanceUs / even.path.makespanUs).toBeLessThan(0.001)
    expect(even.path.whatIf.balancedLayoutUs / even.path.makespanUs).toBeGreaterThan(0.999)
  })

  test('with a slow link that nothing hides, an infinite one would make it as fast as one without bytes', () => {
    const { path } = pathOf({ overlap: false, transferNs: 5_000_000, transferJitter: 0 })
    const free = pathOf({ overlap: false, transferNs: 1000, transferJitter: 0 })
    expect(path.wireUs / path.makespanUs).toBeGreaterThan(0.3)
    expect(Math.abs(path.whatIf.infiniteLinkUs / free.trueUs - 1)).toBeLessThan(0.01)
    // Full overlap hides what compute is long enough for.
    expect(path.whatIf.fullOverlapUs).toBeLessThan(path.makespanUs - 10_000)
    expect(path.whatIf.fullOverlapUs).toBeGreaterThanOrEqual(path.whatIf.infiniteLinkUs)
  })

  test('full overlap gives what a run with overlap takes, and nothing where transfers run beside compute already', () => {
    const options = { otherKernels: true, mask: 'full', pass: 'forward', layers: 3, transferJitter: 0 } as const
    const { path } = pathOf({ ...options, overlap: false })
    const beside = pathOf({ ...options, overlap: true })
    expect(Math.abs(path.whatIf.fullOverlapUs / beside.trueUs - 1)).toBeLessThan(0.02)
    expect(beside.path.whatIf.fullOverlapUs / beside.path.makespanUs).toBeGreaterThan(0.99)
  })

  test('a straggler: the surplus of the slow rank is imbalance', () => {
    const even = pathOf({})
    const { path } = pathOf({ stragglers: { 2: 1.5 } })
    // Of four ranks one computes half as much again: an eighth more on average.
    expect(Math.abs(path.whatIf.balancedLayoutUs / (even.path.makespanUs * 1.125) - 1)).toBeLessThan(0.02)
    expect(path.imbalanceUs / even.path.computeUs).toBeGreaterThan(0.33)
    const slow = path.segments.filter(({ kind }) => kind === 'imbalance')
    expect(new Set(slow.map(({ rank }) => rank))).toEqual(new Set([2]))
  })

  test('launches that came late are named, where the device waited for them', () => {
    // Each launch takes the host 2 ms, each kernel less: the device waits for every one.
    const { timeline } = ringOf({ layout: 'zigzag', mask: 'full', seqLen: 512, iterations: 1, hostNsPerLaunch: 2_000_000 })
    const communication = communicationOf(timeline)
    const path = criticalPath(timeline, communication, recogniseRings(timeline, communication))
    expect(path?.launchGapUs ?? 0).toBeGreaterThan(0.5 * (path?.makespanUs ?? 0))
    const named = path?.segments.filter(({ kind, spanIndex }) => kind === 'launch-gap' && spanIndex !== null) ?? []
    expect(named.length).toBeGreaterThan(10)
    for (const { spanIndex } of named) expect(timeline.strings[timeline.spans.name[spanIndex ?? 0]]).toMatch(/^cuda(LaunchKernel|MemcpyAsync)/)
  })
})
