import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ringTrace } from '../../comm/testing/ringTrace.ts'
import { orderByLane } from '../../timeline/laneOrder.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { openTraceBytes, openTraces } from '../open/openTraces.ts'
import { fileText, randomFrom, randomTrace } from '../testing/randomTrace.ts'

/** The order that the import left with the spans, and the one that the same columns give by themselves. */
function orders({ spans, lanes }: Timeline): [kept: number[][], found: number[][]] {
  const kept = orderByLane(spans, lanes.length)
  expect(orderByLane(spans, lanes.length)).toBe(kept)
  return [kept.map((order) => [...order]), orderByLane({ ...spans }, lanes.length).map((order) => [...order])]
}

test('the order of spans that is kept from reading a file is the one that its lanes have', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(2 ** 31), async (seed) => {
    const random = randomFrom(seed)
    const { events } = randomTrace(random)
    if (events.length === 0) return
    const [kept, found] = orders(await openTraceBytes('t.json', new TextEncoder().encode(fileText(random, events))))
    expect(kept).toEqual(found)
  }), { numRuns: 150 })
})

test('so it is where ranks are put on one clock', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringscope-order-'))
  try {
    const paths = ringTrace().files.map(({ name, text }) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    })
    const [timeline] = await openTraces(paths)
    const [kept, found] = orders(timeline)
    expect(timeline.trace?.clock.method).toContain('refined')
    expect(kept).toEqual(found)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
