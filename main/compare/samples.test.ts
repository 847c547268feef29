import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Comparison, SpanRow } from '../../preload/contract/compare.ts'
import { openTraces } from '../traces/open/openTraces.ts'
import { SAMPLE_TRACES } from '../traces/testing/sampleTraces.ts'
import { compareTimelines } from './compareTimelines.ts'
import { sourceOf } from './testing.ts'

/**
 * The numbers were counted by a script of its own in another language: complete events of the JSON, windows from each
 * ProfilerStep#'s `ts` to the next one's (the last to its end), spans in a window by their start, kernels (categories
 * kernel, gpu_memcpy, gpu_memset) clipped to it, unions by sorting, HTA's patterns.
 */
describe.skipIf(!existsSync(SAMPLE_TRACES))('a pair of sample traces (skipped where there are none)', () => {
  let comparison: Comparison
  beforeAll(async () => {
    const timelines = await Promise.all(['control', 'test'].map(async (name) => (await openTraces([join(SAMPLE_TRACES, `compare-pair/${name}.json.gz`)]))[0]))
    comparison = compareTimelines(timelines.map((timeline) => sourceOf(timeline)), Number.POSITIVE_INFINITY)
  })

  const span = (name: string): SpanRow | undefined => comparison.spans.find((row) => row.name === name)
  const perStep = (...totals: readonly number[]): number[] => totals.map((total) => total / 6)

  test('six profiler steps each', () => {
    expect(comparison.sources.map(({ windowKind, windows }) => [windowKind, windows.length])).toEqual([['profiler-steps', 6], ['profiler-steps', 6]])
  })

  test.each([
    ['makespan', [76.877, 114.7395], [0.991, 23.5595]],
    ['compute', [47.077, 81.784], [0.326, 16.638]],
    ['comm', [30.0945, 37.5835], [2.8895, 11.7765]],
    ['overlap', [13.9385, 25.5255], [2.2485, 8.484]],
    ['deviceIdle', [12.279, 3.9075], [1.981, 1.1775]],
    ['htaCompute', [47.077, 81.784], [0.326, 16.638]],
    ['htaComm', [30.0945, 37.5835], [2.8895, 11.7765]],
    ['htaIdle', [12.279, 3.9075], [1.981, 1.1775]],
  ])('%s is its median and MAD over the steps', (id, values, noise) => {
    const row = comparison.metrics.find((metric) => metric.id === id)
    for (const source of [0, 1]) {
      expect(row?.values[source]).toBeCloseTo(values[source], 9)
      expect(row?.noise[source]).toBeCloseTo(noise[source], 9)
    }
  })

  test('spans of a name: how many a step, and how long', () => {
    expect(span('cudaMemcpyAsync')).toMatchObject({ counts: [38, 802], missingIn: [] })
    expect(span('cudaMemcpyAsync')?.totalMs[1]).toBeCloseTo(61.588667, 5)
    expect(span('Memcpy DtoD (Device -> Device)')).toMatchObject({ category: 'memory', counts: perStep(18, 4645) })
    expect(span('aten::item')?.totalMs[0]).toBeCloseTo(6.162667, 5)
    const nccl = comparison.spans.filter(({ name, category }) => category === 'communication' && name.includes('nccl'))
    expect([0, 1].map((source) => Math.round(6 * nccl.reduce((sum, { counts }) => sum + counts[source], 0)))).toEqual([60, 64])
    expect([0, 1].map((source) => Math.round(6000 * nccl.reduce((sum, { totalMs }) => sum + totalMs[source], 0)))).toEqual([163_535, 251_341])
  })

  test('all spans of the steps are counted, and those that one trace lacks are named', () => {
    expect([0, 1].map((source) => Math.round(6 * comparison.spans.reduce((sum, { counts }) => sum + counts[source], 0)))).toEqual([74_931, 68_286])
    const names = [0, 1].map((source) => comparison.spans.filter(({ counts }) => counts[source] > 0).length)
    expect(names).toEqual([400, 294])
    const missing = [0, 1].map((source) => comparison.spans.filter(({ missingIn }) => missingIn.includes(source)))
    expect(missing.map((rows) => rows.length)).toEqual([32, 138])
    const onDevice = missing.map((rows) => rows.filter(({ category }) => category !== 'other'))
    expect(onDevice.map((rows) => rows.length)).toEqual([27, 66])
    expect([1, 0].map((source, at) => Math.round(6 * onDevice[at].reduce((sum, { counts }) => sum + counts[source], 0)))).toEqual([1824, 1830])
    expect(span('CompiledFunction')).toMatchObject({ counts: [0, 1], missingIn: [0] })
  })

  test('the verdict: each step of the second is longer than any of the first, mostly by compute', () => {
    expect(comparison.verdicts).toEqual([{
      source: 1, change: 'slower', sentence: '49.3 % slower (makespan 115 ms against 76.9 ms, noise 20.5 %); most of it is more compute',
    }])
    expect(comparison.warnings).toEqual([
      'test.json.gz: other world: 2 ranks against 8; means over ranks are of other shares of the work',
      'test.json.gz: other ranks: 1 against 3',
      'each of them has 100 % of its waiting inside kernels estimated, because traces of peers are missing',
    ])
  })
})
