import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from './eventQueue.ts'

test('events come by time, then number, whatever the order in which they went in', () => {
  fc.assert(fc.property(fc.array(fc.nat(20), { maxLength: 600 }), (times) => {
    const queue = new EventQueue()
    times.forEach((time, event) => queue.push(time, event))
    const expected = times.map((_, event) => event).sort((a, b) => times[a] - times[b] || a - b)
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

test('the earliest of what is in it comes next, however adding and taking alternate and whatever comes out of turn', () => {
  // Late events mostly, as of ranks in lockstep, some early ones; each taken before or after others come.
  const anyAction = fc.record({ delay: fc.constantFrom(1, 1, 1, 1, 1, 1, 0, 5), takes: fc.nat(2) })
  fc.assert(fc.property(fc.array(anyAction, { minLength: 400, maxLength: 3000 }), (actions) => {
    const queue = new EventQueue()
    const waiting: { time: number; event: number }[] = []
    const takeOne = (): void => {
      const next = waiting.reduce<{ time: number; event: number } | null>((first, each) =>
        (first === null || each.time < first.time || (each.time === first.time && each.event < first.event) ? each : first), null)
      if (next !== null) waiting.splice(waiting.indexOf(next), 1)
      expect(queue.pop()).toBe(next?.event ?? -1)
    }
    actions.forEach(({ delay, takes }, at) => {
      const added = { time: Math.floor(at / 300) + delay, event: (at * 7919) % 100_003 }
      queue.push(added.time, added.event)
      waiting.push(added)
      // More come than go, until the end.
      if (at % 3 === 0) for (let taken = 0; taken < takes; taken++) takeOne()
    })
    while (waiting.length > 0) takeOne()
    expect(queue.pop()).toBe(-1)
  }), { numRuns: 20 })
})
