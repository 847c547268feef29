import { describe, expect, it } from 'vitest'
import { compareTimelines } from './compareTimelines.ts'
import { ConditionError, failedConditions, parseCondition } from './conditions.ts'
import { drawnRun, sourceOf } from './testing.ts'

const MS = 1e6
const steady = (first: number, waitPeer: number) => drawnRun(Array.from({ length: 5 }, () =>
  ({ ranks: [[first * MS, 0, MS, 4 * MS], [2 * MS, waitPeer * MS, MS, 4 * MS]] })), { title: `first ${first}` })
// Makespans of 10 and 11 ms, waiting of 0 (rank 0) and 3 or 4 ms (rank 1).
const comparison = compareTimelines([sourceOf(steady(5, 3)), sourceOf(steady(6, 4))])
const failing = (...texts: string[]) => failedConditions(comparison, texts.map(parseCondition))

describe('a condition', () => {
  it('is a metric, an operator, a value and perhaps a unit', () => {
    expect(parseCondition('makespan>5%')).toEqual({ text: 'makespan>5%', metric: 'makespan', op: '>', limit: 5, relative: true, unit: '%' })
    expect(parseCondition(' waitPeer >= 0.5 ms ')).toMatchObject({ metric: 'waitPeer', op: '>=', limit: 0.5, relative: false, unit: 'ms' })
    expect(parseCondition('overlapRatio<-5points')).toMatchObject({ op: '<', limit: -5, unit: 'points' })
    expect(parseCondition('kind.matrix-multiply<=.5')).toMatchObject({ metric: 'kind.matrix-multiply', op: '<=', limit: 0.5, unit: '' })
  })

  it.each(['', 'makespan', 'makespan>', 'makespan>>5', 'makespan=5%', '>5%', 'makespan>5%%', 'makespan>5 parsecs', 'makespan>1e9', 'makespan > five'])('refuses %j and says what is expected', (text) => {
    expect(() => parseCondition(text)).toThrow(ConditionError)
    expect(() => parseCondition(text)).toThrow(/expected <metric><op><value><unit>/)
  })

  it('of a metric that nothing has names all there are', () => {
    expect(() => parseCondition('makspan>5%')).toThrow(/no metric "makspan"; expected one of makespan, compute, .*category\.<name>/)
  })
})

describe('failedConditions', () => {
  it('holds a change against its limit: relative, in the unit, in another of its units, in points', () => {
    expect(failing('makespan>5%')).toEqual([{ condition: 'makespan>5%', metric: 'makespan', relative: true, source: 1, value: 10, limit: 5, significant: true }])
    expect(failing('makespan>0.5ms', 'makespan>500us', 'makespan>0.5')).toMatchObject([{ value: 1, limit: 0.5 }, { value: 1, limit: 0.5 }, { value: 1, limit: 0.5 }])
    expect(failing('makespan>10%', 'makespan>1.5ms', 'makespan<0%', 'imbalance>50points')).toEqual([])
    expect(failing('makespan>=10%', 'makespan<=10%')).toHaveLength(2)
  })

  it('a change from nothing to something is beyond any relative limit', () => {
    const bare = compareTimelines([sourceOf(drawnRun([{ ranks: [[MS, 0, 0, MS], [MS, 0, 0, MS]] }])), sourceOf(steady(5, 3))])
    expect(failedConditions(bare, [parseCondition('waitPeer>1000%')])).toMatchObject([{ value: Number.POSITIVE_INFINITY, significant: null }])
    expect(failedConditions(bare, [parseCondition('waitPeer<-1%'), parseCondition('memory>0%')])).toEqual([])
  })

  it('of what a source lacks, or with a unit of something else, cannot be judged', () => {
    expect(() => failing('htaIdle>5%')).toThrow(/no metric "htaIdle"; they have makespan, /)
    expect(() => failing('makespan>5points')).toThrow(/makespan has no unit "points"; expected % for a relative change, or ms, us/)
  })
})
