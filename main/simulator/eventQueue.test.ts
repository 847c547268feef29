import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from './eventQueue.ts'

test('events come by time, then number, whatever the order in which they went in', () => {
  fc.assert(fc.property(fc.array(fc.nat(20), { maxLength: 600 }), (times) => {
    const queue = new EventQueue()
    times.forEach((time, event) => queue.push(time, event))
    const expected = times.map((_, event) => event).sort((a, b) => times[a] - times[b] || a - b)
    expect(queue.size).toBe(times.length)
    expect(Array.from(times, () => queue.pop())).toEqual(expected)
    expect(queue.pop()).toBe(-1)
  }))
})

test('events may be added between others being taken', () => {
  const queue = new EventQueue()
  queue.push(5, 1)
  queue.push(3, 2)
  expect(queue.pop()).toBe(2)
  queue.push(4, 3)
  queue.push(5, 0)
  expect([queue.pop(), queue.pop(), queue.pop()]).toEqual([3, 0, 1])
})
