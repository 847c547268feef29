import { describe, expect, it } from 'vitest'
import { inputValue } from './inputs.ts'
import { keyGradientRows, kvHeadOf, queryGradientRows, referenceRow, referenceRows, type AttentionProblem } from './reference.ts'
import { denseAttention, denseInputs } from './testing/dense.ts'

const problem: AttentionProblem = {
  seed: 11, mask: 'causal', seqLen: 23, heads: 6, kvHeads: 2, headDim: 8, lookback: null, keyPadding: null, cuSeqlens: null,
}

const PROBLEMS: readonly (readonly [string, AttentionProblem])[] = [
  ['causal', problem],
  ['full', { ...problem, mask: 'full' }],
  ['lookback', { ...problem, lookback: 4 }],
  ['key padding', { ...problem, mask: 'full', keyPadding: [23, 9, 0] }],
  ['causal key padding in documents', { ...problem, keyPadding: [23, 9, 3], cuSeqlens: [0, 1, 7, 23] }],
  ['as many key/value heads', { ...problem, kvHeads: 6 }],
  ['one key/value head', { ...problem, kvHeads: 1, lookback: 0 }],
]

const expectRow = (actual: Float64Array, expected: Float64Array, row: number): void => {
  actual.forEach((value, dim) => { expect(Math.abs(value - expected[row * actual.length + dim])).toBeLessThan(1e-12) })
}

describe.each(PROBLEMS)('reference rows: %s', (_, of) => {
  const { heads, kvHeads, seqLen } = of
  const item = of.keyPadding === null ? 0 : 1
  const dense = denseAttention(of, item)
  const queries = Array.from({ length: heads * seqLen }, (_, at) => ({ head: Math.floor(at / seqLen), position: at % seqLen }))
  const keys = Array.from({ length: kvHeads * seqLen }, (_, at) => ({ kvHead: Math.floor(at / seqLen), position: at % seqLen }))

  it('are those of the whole attention, gradients included', () => {
    queryGradientRows(of, item, queries).forEach(({ out, lse, delta, dq }, row) => {
      expectRow(out, dense.out, row)
      expectRow(dq, dense.dq, row)
      if (dense.lse[row] === -Infinity) expect(lse).toBe(-Infinity)
      else expect(Math.abs(lse - dense.lse[row])).toBeLessThan(1e-12)
      expect(Number.isFinite(delta)).toBe(true)
    })
    keyGradientRows(of, item, keys).forEach(({ dk, dv }, row) => {
      expectRow(dk, dense.dk, row)
      expectRow(dv, dense.dv, row)
    })
  })

  it('do not depend on what else is asked for', () => {
    const some = queries.filter((_, at) => at % 17 === 3)
    const alone = some.map((query) => queryGradientRows(of, item, [query])[0])
    expect(queryGradientRows(of, item, some)).toEqual(alone)
    expect(referenceRows(of, item, some)).toEqual(alone.map(({ out, lse }) => ({ out, lse })))
    const key = keys[keys.length - 5]
    expect(keyGradientRows(of, item, [key])).toEqual([keyGradientRows(of, item, keys)[keys.length - 5]])
  })
})

describe('gradients of the whole attention', () => {
  /** sum(out * dOut), the loss that dOut is the gradient of. */
  const loss = (of: AttentionProblem, item: number, inputs: ReturnType<typeof denseInputs>): number =>
    denseAttention(of, item, inputs).out.reduce((sum, value, at) => sum + value * inputs.dOut[at], 0)

  it.each(PROBLEMS)('are those of finite differences: %s', (_, large) => {
    const of: AttentionProblem = { ...large, seqLen: 7, headDim: 3, cuSeqlens: large.cuSeqlens === null ? null : [0, 1, 7], keyPadding: large.keyPadding === null ? null : [7, 5] }
    const item = of.keyPadding === null ? 0 : 1
    const inputs = denseInputs(of, item)
    const dense = denseAttention(of, item, inputs)
    const step = 1e-5
    for (const [tensor, gradient] of [['q', 'dq'], ['k', 'dk'], ['v', 'dv']] as const) {
      for (let at = 0; at < inputs[tensor].length; at++) {
        const [up, down] = [step, -step].map((change) =>
          loss(of, item, { ...inputs, [tensor]: inputs[tensor].with(at, inputs[tensor][at] + change) }))
        expect(Math.abs((up - down) / (2 * step) - dense[gradient][at]), `${gradient}[${at}]`).toBeLessThan(1e-8)
      }
    }
  })
})

describe('reference rows', () => {
  it('of padding positions are empty', () => {
    expect(referenceRow(problem, 0, 0, 23)).toEqual({ out: new Float64Array(8), lse: -Infinity })
    expect(queryGradientRows(problem, 0, [{ head: 0, position: 23 }]))
      .toEqual([{ out: new Float64Array(8), lse: -Infinity, delta: 0, dq: new Float64Array(8) }])
    expect(keyGradientRows(problem, 0, [{ kvHead: 1, position: 23 }])).toEqual([{ dk: new Float64Array(8), dv: new Float64Array(8) }])
  })

  it('of the first position are the first value under a causal mask, whatever the query', () => {
    const [{ out, dq }] = queryGradientRows(problem, 0, [{ head: 4, position: 0 }])
    for (let dim = 0; dim < 8; dim++) {
      expect(out[dim]).toBeCloseTo(inputValue(11, 'v', 0, 1, 0, dim), 14)
      expect(dq[dim]).toBeCloseTo(0, 14)
    }
  })

  it('can be restricted to the keys of one block', () => {
    const [block] = referenceRows(problem, 0, [{ head: 0, position: 9 }], Int32Array.of(9, 30, 12))
    for (let dim = 0; dim < 8; dim++) expect(block.out[dim]).toBeCloseTo(inputValue(11, 'v', 0, 0, 9, dim), 14)
    expect(referenceRows(problem, 0, [{ head: 0, position: 9 }], Int32Array.of(10, 11))[0].lse).toBe(-Infinity)
  })
})

describe('kvHeadOf', () => {
  it('gives consecutive query heads one key/value head', () => {
    expect([0, 1, 2, 3, 4, 5].map((head) => kvHeadOf(problem, head))).toEqual([0, 0, 0, 1, 1, 1])
  })
})
