import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderByLane } from '../../timeline/laneOrder.ts'
import { splitOverlaps } from './laneSplit.ts'

type Span = readonly [startNs: number, durationNs: number]

function split(spans: readonly Span[]) {
  const columns = {
    count: spans.length, lane: new Uint32Array(spans.length),
    startNs: Float64Array.from(spans, ([start]) => start), durationNs: Float64Array.from(spans, ([, length]) => length),
  }
  const orders = orderByLane(columns, 1)
  return { order: orders[0], ...splitOverlaps(columns, orders) }
}

/** The first lane whose open spans a span nests in or does not touch, by looking at all that was put there. */
function firstFit(spans: readonly Span[], order: Uint32Array): number[] {
  const lanes: number[][] = []
  const part: number[] = []
  for (const span of order) {
    const [start, length] = spans[span]
    const fits = (lane: number[]): boolean => lane.every((other) => {
      const otherEnd = spans[other][0] + spans[other][1]
      return otherEnd <= start || start + length <= otherEnd
    })
    let at = lanes.findIndex(fits)
    if (at < 0) at = lanes.push([]) - 1
    lanes[at].push(span)
    part[span] = at
  }
  return part
}

test('every span goes to the first lane in which it nests or stands alone, be they few or many', () => {
  const spans = (most: number) => fc.array(fc.tuple(fc.nat(60), fc.nat(most)), { minLength: 1, maxLength: 150 })
  fc.assert(fc.property(fc.oneof(spans(5), spans(200)), (list) => {
    const { order, part, parts } = split(list)
    expect([...part]).toEqual(firstFit(list, order))
    expect(parts[0]).toBe(Math.max(...part) + 1)
  }), { numRuns: 300 })
})

test('many thousands at once do not take their square', () => {
  const count = 100_000
  const { parts } = split(Array.from({ length: count }, (_, at): Span => [at, count]))
  expect(parts[0]).toBe(count)
})

test('spans nest on one lane however deep', () => {
  const depth = 2000
  const { parts } = split(Array.from({ length: depth }, (_, at): Span => [at, 2 * (depth - at)]))
  expect(parts[0]).toBe(1)
})
