import { describe, expect, test } from 'vitest'
import { mergeRowNs } from '../../../preload/contract/clusterOf.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import { publishedAnswers } from './published.ts'
import { calibratedA100 } from './zhuzilin.ts'

const answers = publishedAnswers()
const of = (source: RegExp): PublishedAnswer[] => answers.filter((answer) => source.test(answer.source))
const one = (what: RegExp): PublishedAnswer => {
  const found = answers.filter((answer) => what.test(answer.what))
  expect(found, String(what)).toHaveLength(1)
  return found[0]
}

describe('published figures beside ours', () => {
  test('differences are ours less theirs, and every figure is a number', () => {
    for (const { what, published, ours, difference, source, reference } of answers) {
      expect(Number.isFinite(published) && Number.isFinite(ours), what).toBe(true)
      expect(difference).toBe(ours - published)
      expect([source, reference]).not.toContain('')
    }
    expect(new Set(answers.map(({ source, what }) => `${source} ${what}`)).size).toBe(answers.length)
  })

  test('zhuzilin: all twelve percentages within 8 points; four fit the machines, eight are predicted', () => {
    const percentages = of(/zhuzilin/)
    expect(percentages).toHaveLength(12)
    for (const { source, what, difference } of percentages) expect(Math.abs(difference), `${source}: ${what}`).toBeLessThanOrEqual(8)
    expect(percentages.filter(({ role }) => role === 'calibration')).toHaveLength(4)
  })

  test('zhuzilin: merging costs on the A100 what the tables assume of all accelerators', () => {
    expect(mergeRowNs(128, 2039) / calibratedA100().device.rowNs).toBeGreaterThan(0.9)
  })

  test('zhuzilin: the order of the rings is theirs', () => {
    for (const source of new Set(of(/zhuzilin/).map((answer) => answer.source))) {
      const percent = (name: string): number => answers.find((answer) => answer.source === source && answer.what.startsWith(name))?.ours ?? Number.NaN
      expect(percent('zigzag')).toBeGreaterThan(percent('stripe'))
      expect(percent('stripe')).toBeGreaterThan(percent('ring'))
    }
  })

  test('pith-train: 1.67x within 5 %, and the naive ring itself, on which nothing is fitted', () => {
    const gain = one(/^naive to zigzag/)
    expect(gain.role).toBe('prediction')
    expect(gain.published).toBeCloseTo(1.67, 2)
    expect(Math.abs(gain.ours / gain.published - 1)).toBeLessThanOrEqual(0.05)
    for (const what of [/^naive ring, forward$/, /^naive ring, forward and backward$/]) {
      const naive = one(what)
      expect(Math.abs(naive.ours / naive.published - 1)).toBeLessThanOrEqual(0.05)
    }
  })

  test('Liu: least blocks are F/B to a token; contexts grow with the ring', () => {
    const blocks = of(/table 2/).filter(({ what }) => what.endsWith('least block'))
    expect(blocks.map(({ ours }) => ours)).toEqual([1041, 24_960, 1099, 1027, 1054])
    for (const { ours, published } of blocks) expect(Math.abs(ours / published - 1)).toBeLessThan(0.05)
    for (const { ours, published } of of(/table 3/)) expect(ours / published).toBeCloseTo(1, 2)
  })

  test('Striped: theoretical maxima to a hundredth from one fitted number; what was measured stays below', () => {
    for (const { what, ours, published, difference } of of(/Striped/)) {
      if (what.startsWith('theoretical')) expect(Math.abs(difference)).toBeLessThan(0.01)
      else expect(ours).toBeGreaterThan(published)
    }
  })

  test('volumes: N / (R + 1), a quarter, a half and nothing redundant, 1.67x over the ring', () => {
    for (const { difference } of of(/vllm-omni/)) expect(Math.abs(difference)).toBeLessThan(0.005)
    expect(one(/causal zigzag ring sends for nothing/).ours).toBe(25)
    expect(one(/causal contiguous ring sends for nothing/).ours).toBe(50)
    expect(one(/causal striped ring sends for nothing/).ours).toBeLessThan(0.05)
    expect(one(/^over ring attention/).ours).toBeCloseTo(7.5 / 4.5, 2)
  })

  test('claims: a million tokens need 2.5 GB/s, sixty times less than claimed', () => {
    const { published, ours } = one(/1M tokens/)
    expect(ours).toBeCloseTo(2.5, 2)
    expect(published / ours).toBeCloseTo(60, 0)
    for (const { kind, source } of of(/source document/)) expect([kind, source]).toEqual(['claim', 'a source document'])
  })
})
