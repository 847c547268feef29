import { expect, test } from 'vitest'
import type { CommKernel, Communication } from '../../comm/comm.ts'
import { csvLine } from './csv.ts'
import { csvSpans, SPAN_COLUMNS } from './csvSpans.ts'
import { csvSteps } from './csvSteps.ts'
import { openTraceBytes } from '../open/openTraces.ts'
import { simulatedRing } from './testTimelines.ts'

/** A reader of RFC 4180, by its grammar. */
function readCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === '\r\n') {
      rows.push(row)
      row = []
    }
  }
  return rows
}

const asRecords = ([names, ...rows]: string[][]): Record<string, string>[] => rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])))

test('fields with commas, quotes and line breaks are quoted; what does not apply is empty', () => {
  expect(csvLine(['plain', 1.5, null, Number.NaN, true, 'a,b', 'say "x"', 'two\nlines'])).toBe('plain,1.5,,,true,"a,b","say ""x""","two\nlines"\r\n')
})

test('spans of a run: every one, with its facts', () => {
  const timeline = simulatedRing()
  const records = asRecords(readCsv([...csvSpans(timeline, null)].join('')))
  expect(records).toHaveLength(timeline.spans.count)
  expect(records.filter(({ category }) => category === 'send')).toHaveLength(4 * 3)
  const send = records.find(({ rank, category }) => rank === '1' && category === 'send')
  expect(send).toMatchObject({ lane: 'Rank 1 · send', iteration: '0', step: '0', peer: '2', payload: 'kv', waitNs: '', args: '', laneKind: '' })
  expect(Number(send?.bytes)).toBeGreaterThan(0)
})

test('spans of an imported trace: kind, args on one line, and how a communication kernel divides', async () => {
  const timeline = await openTraceBytes('rank-2.json', new TextEncoder().encode(`[
    {"ph":"M","name":"process_name","pid":7,"args":{"name":"Rank 2"}},
    {"ph":"X","name":"flash_fwd_kernel<a, b>","cat":"kernel","pid":7,"tid":1,"ts":5,"dur":2,"args":{\n "stream": 7,\n "note": "a \\"b\\"" }},
    {"ph":"X","name":"ncclDevKernel_SendRecv","cat":"kernel","pid":7,"tid":2,"ts":6,"dur":2}
  ]`))
  const span = timeline.strings.indexOf('ncclDevKernel_SendRecv')
  const index = timeline.spans.name.indexOf(span)
  const kernel: CommKernel = {
    span: index, rank: 2, kind: 'send-recv', group: '', order: 0, startNs: 1000, endNs: 3000, source: null, destination: null, members: null, bytes: null,
  }
  const communication: Communication = {
    kernels: [kernel], matches: [], splits: [{ kernel: 0, waitNs: 1500, transferNs: 500, method: 'estimate', waitedFor: null }], notes: [],
  }
  const [names, ...rows] = readCsv([...csvSpans(timeline, communication)].join(''))
  expect(names).toEqual([...SPAN_COLUMNS])
  const [flash, nccl] = asRecords([names, ...rows])
  expect(flash).toMatchObject({ rank: '2', laneKind: 'gpu', category: 'compute', kind: 'attention', name: 'flash_fwd_kernel<a, b>', startNs: '0', durationNs: '2000', waitNs: '' })
  expect(flash.args).not.toMatch(/\n/)
  expect(JSON.parse(flash.args)).toEqual({ stream: 7, note: 'a "b"' })
  expect(nccl).toMatchObject({ category: 'communication', waitNs: '1500', transferNs: '500', waitEstimated: 'true', waitedForRank: '', args: '' })
})

test('steps: a line a rank and step', () => {
  const cell = { rank: 1, step: 2, computeUs: 8.5, transferUs: 3, exposedUs: 0, waitPeerUs: 1, waitLinkUs: 0, idleUs: 0.25, imbalanceUs: 4 }
  expect([...csvSteps([cell])].join('')).toBe('rank,step,computeUs,transferUs,exposedUs,waitPeerUs,waitLinkUs,idleUs,imbalanceUs\r\n1,2,8.5,3,0,1,0,0.25,4\r\n')
})
