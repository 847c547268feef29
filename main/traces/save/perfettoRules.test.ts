import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { runResult } from '../../analysis/runResult.ts'
import { openTrace } from '../open/openTraces.ts'
import { perfettoViolations } from './perfettoRules.ts'

const good = () => ({
  traceEvents: [
    { ph: 'M', name: 'process_name', pid: 1, args: { name: 'Rank 0' } },
    { ph: 'M', name: 'thread_name', pid: 1, tid: 2, args: { name: 'send' } },
    { ph: 'M', name: 'thread_name', pid: 1, tid: 3, args: { name: 'recv' } },
    { ph: 'X', name: 'send', cat: 'send', pid: 1, tid: 2, ts: 0, dur: 10 },
    { ph: 'X', name: 'part', cat: 'send', pid: 1, tid: 2, ts: 0, dur: 4 },
    { ph: 'X', name: 'recv', cat: 'recv', pid: 1, tid: 3, ts: 5, dur: 10 },
    { ph: 's', name: 'hop', cat: 'hop', id: 1, pid: 1, tid: 2, ts: 0 },
    { ph: 'f', name: 'hop', cat: 'hop', id: 1, pid: 1, tid: 3, ts: 14.999, bp: 'e' },
    { ph: 'C', name: 'bytes', pid: 1, ts: 0, args: { bytes: 5 } },
  ] as Record<string, unknown>[],
})
const rulesBroken = (change: (events: Record<string, unknown>[]) => void): string[] => {
  const document = good()
  change(document.traceEvents)
  return perfettoViolations(document).map(({ rule }) => rule)
}

describe('rules of Perfetto', () => {
  test('a good trace has no violation', () => {
    expect(perfettoViolations(good())).toEqual([])
  })

  const broken: [string, string, (events: Record<string, unknown>[]) => void][] = [
    ['spans that overlap', 'spans nest or are disjoint', (events) => { events[4].dur = 11 }],
    ['an inner span written before the one around it', 'spans nest or are disjoint', (events) => { events.splice(3, 2, events[4], events[3]) }],
    ['a flow without an end', 'flow ends', (events) => { events.splice(7, 1) }],
    ['a flow end after its span', 'flow ends', (events) => { events[7].ts = 15 }],
    ['a flow on the wrong track', 'flow ends', (events) => { events[6].tid = 3 }],
    ['a flow that ends before it starts', 'flow ends', (events) => { events[6].ts = 9; events[7].ts = 5; events[5].ts = 1 }],
    ['a flow end that does not bind to its span', 'flow ends', (events) => { delete events[7].bp }],
    ['two flows with one id', 'unique ids', (events) => { events.push({ ...events[6] }, { ...events[7] }) }],
    ['a thread without a name', 'tracks are named', (events) => { events.splice(1, 1) }],
    ['a process without a name', 'tracks are named', (events) => { events.splice(0, 1) }],
    ['a process id of 0', 'unique ids', (events) => { for (const event of events) event.pid = 0 }],
    ['a thread named twice', 'unique ids', (events) => { events.push({ ...events[1] }) }],
    ['a span without a duration', 'well-formed events', (events) => { delete events[3].dur }],
    ['a counter that counts words', 'well-formed events', (events) => { events[8].args = { bytes: 'many' } }],
    ['an event without a phase', 'well-formed events', (events) => { delete events[3].ph }],
  ]
  test.each(broken)('%s', (_, rule, change) => {
    expect(rulesBroken(change)).toContain(rule)
  })
})

describe('traces that ship with the application', () => {
  const folder = fileURLToPath(new URL('../../../fixtures/traces', import.meta.url))
  const files = readdirSync(folder).filter((name) => /\.json(\.gz)?$/.test(name))

  test('there are at least two', () => {
    expect(files.length).toBeGreaterThanOrEqual(2)
  })

  test.each(files)('%s keeps the rules, opens whole and has figures', async (name) => {
    const bytes = readFileSync(join(folder, name))
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
    expect(perfettoViolations(JSON.parse(text))).toEqual([])
    const timeline = await openTrace(join(folder, name))
    expect(timeline.files[0]).toMatchObject({ repairs: [], dropped: [] })
    expect(runResult(timeline, null).makespanMs).toBeGreaterThan(0)
  })
})
