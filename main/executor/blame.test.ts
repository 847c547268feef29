import { describe, expect, it } from 'vitest'
import { bestExplanation, type Evidence, type FailureReport } from './blame.ts'

const report = (evidence: Evidence, rank: number): FailureReport =>
  ({ evidence, failure: { kind: 'crashed', rank, iteration: 0, step: 0, lastSpan: null, message: '' } })

describe('bestExplanation', () => {
  it('blames the rank that ended, not the neighbours that lost it first', () => {
    expect(bestExplanation([report('lost-peer', 2), report('lost-peer', 0), report('exited', 1)]).failure.rank).toBe(1)
  })

  it('prefers what a rank said of itself to its end, and the first of two equals', () => {
    expect(bestExplanation([report('exited', 1), report('reported', 1)]).evidence).toBe('reported')
    expect(bestExplanation([report('exited', 3), report('exited', 1)]).failure.rank).toBe(3)
  })

  it('takes a cancelled run for cancelled, whatever broke on the way', () => {
    expect(bestExplanation([report('exited', 1), report('cancelled', 0)]).evidence).toBe('cancelled')
  })
})
