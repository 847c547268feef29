import { describe, expect, it } from 'vitest'
import { inputValue } from './inputs.ts'
import { kvHeadOf, referenceRow, referenceRows, type AttentionProblem } from './reference.ts'

const problem: AttentionProblem = { seed: 11, mask: 'causal', seqLen: 23, heads: 6, kvHeads: 2, headDim: 8 }

/** The definition, element by element. */
function definition(of: AttentionProblem, batch: number, head: number, position: number): { out: number[]; lse: number } {
  const kvHead = Math.floor(head / (of.heads / of.kvHeads))
  let sum = 0
  const out = new Array<number>(of.headDim).fill(0)
  for (let key = 0; key < of.seqLen; key++) {
    if (of.mask === 'causal' && key > position) continue
    let score = 0
    for (let dim = 0; dim < of.headDim; dim++) {
      score += inputValue(of.seed, 'q', batch, head, position, dim) * inputValue(of.seed, 'k', batch, kvHead, key, dim)
    }
    const weight = Math.exp(score / Math.sqrt(of.headDim))
    sum += weight
    for (let dim = 0; dim < of.headDim; dim++) out[dim] += weight * inputValue(of.seed, 'v', batch, kvHead, key, dim)
  }
  return { out: out.map((value) => value / sum), lse: Math.log(sum) }
}

describe('referenceRow', () => {
  it.each(['causal', 'full'] as const)('is softmax(QK^T/sqrt(d))V under a %s mask, heads sharing their key/value head', (mask) => {
    const masked = { ...problem, mask }
    for (const [batch, head, position] of [[0, 0, 0], [1, 2, 7], [0, 3, 22], [2, 5, 12]]) {
      const expected = definition(masked, batch, head, position)
      const row = referenceRow(masked, batch, head, position)
      expect(Math.abs(row.lse - expected.lse)).toBeLessThan(1e-12)
      for (let dim = 0; dim < problem.headDim; dim++) expect(Math.abs(row.out[dim] - expected.out[dim])).toBeLessThan(1e-12)
    }
  })

  it('of a padding position is empty', () => {
    expect(referenceRow(problem, 0, 0, 23)).toEqual({ out: new Float64Array(8), lse: -Infinity })
  })

  it('of the first position is the first value under a causal mask', () => {
    const { out } = referenceRow(problem, 0, 4, 0)
    for (let dim = 0; dim < 8; dim++) expect(out[dim]).toBeCloseTo(inputValue(11, 'v', 0, 1, 0, dim), 14)
  })
})

describe('referenceRows', () => {
  it('keeps the order of its queries and agrees with one row at a time', () => {
    const queries = [{ head: 5, position: 3 }, { head: 0, position: 22 }, { head: 3, position: 0 }, { head: 1, position: 22 }]
    expect(referenceRows(problem, 1, queries)).toEqual(queries.map(({ head, position }) => referenceRow(problem, 1, head, position)))
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
