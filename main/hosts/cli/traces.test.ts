import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TraceAnalysis } from '../../../preload/contract/analysis.ts'
import { ringTrace } from '../../comm/testing/ringTrace.ts'
import { findInstallation } from '../../installation.ts'
import { perfettoViolations } from '../../traces/save/perfettoRules.ts'
import { EXIT } from './exitCodes.ts'
import { runCommandLine } from './program.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-traces-'))
  const ring = ringTrace({ world: 3, iterations: 2, layers: 1, layout: 'contiguous', seqLen: 6144, skewNs: 2_000_000 })
  mkdirSync(join(folder, 'ring'))
  for (const { name, text } of ring.files) writeFileSync(join(folder, 'ring', name), text)
  writeFileSync(join(folder, 'other.json'), `{"distributedInfo":{"rank":0,"world_size":1},"traceEvents":[${['gemm', 'my_op'].map((name, at) =>
    JSON.stringify({ ph: 'X', name, cat: 'kernel', pid: 0, tid: 7, ts: 3 * at, dur: 2 })).join()}`)
  writeFileSync(join(folder, 'rules.json'), '{"rules": [{"match": "^my_", "kind": "mine", "category": "memory"}]}')
  writeFileSync(join(folder, 'bad-rules.json'), '{"rules": [{"match": "(", "kind": "mine", "category": "memory"}]}')
})
afterAll(() => { rmSync(folder, { recursive: true }) })

const at = (name: string): string => join(folder, name)

interface Result {
  readonly code: number
  readonly out: string
  readonly notes: string
  readonly progress: readonly string[]
}

/** @param onProgress what the user does as the progress line changes. */
async function cli(args: readonly string[], onProgress: (stop: AbortController) => void = () => undefined): Promise<Result> {
  const stop = new AbortController()
  let out = ''
  let notes = ''
  const progress: string[] = []
  const code = await runCommandLine(args, {
    installation: findInstallation(), cancel: stop.signal, exitCode: EXIT.done,
    terminal: {
      showsResults: false,
      out: (text) => {
        out += text
        return Promise.resolve()
      },
      note: (text) => { notes += `${text}\n` },
      progress: (text) => {
        progress.push(text)
        if (text !== '') onProgress(stop)
      },
    },
  })
  return { code, out, notes, progress }
}

describe('analyze', () => {
  test('the ranks of one job are one document on one clock, however they are named', async () => {
    const byFolder = await cli(['analyze', at('ring'), '--json'])
    const byPattern = await cli(['analyze', at('ring/rank-*.json'), '--json'])
    expect(byFolder).toMatchObject({ code: 0, notes: '' })
    expect(byPattern.out).toBe(byFolder.out)
    const analysis = JSON.parse(byFolder.out) as TraceAnalysis
    expect(analysis.ranks.map(({ rank }) => rank)).toEqual([0, 1, 2])
    expect(analysis.clock).toMatchObject({ ranks: [0, 1, 2], unaligned: [] })
    expect(analysis.rankSources.map(({ from }) => from)).toEqual(['distributedInfo', 'distributedInfo', 'distributedInfo'])
    expect(analysis.rings[0]).toMatchObject({ ranks: [0, 1, 2], layout: 'contiguous' })
    const { criticalPath } = analysis
    expect(criticalPath?.imbalanceUs).toBeGreaterThan(0.2 * (criticalPath?.makespanUs ?? 0))
  })

  test('the report says what was read, how clocks lie, what each rank waited for, the ring, its steps and the critical path', async () => {
    const { code, out } = await cli(['analyze', at('ring')])
    expect(code).toBe(0)
    for (const line of [
      /rank-1\.pt\.trace\.json: [\d,]+ events, rank 1, known by distributedInfo$/m, /^world: 3 ranks, as the files say$/m,
      /^clock: .*causality/m, /^rank +offset +uncertain by$/m, /^ +1 +[-+]?[\d.]+ [µm]s +± [\d.]+ µs$/m,
      /^ +0 +[\d.]+ ms +[\d.]+ ms .*%.*$/m, /^ +as HTA has it +[\d.]+ ms/m,
      /^rank +point to point: waiting +transfer +waiting share +collectives: waiting/m,
      /^forward ring 0 > 1 > 2 of 3 ranks, .*layout contiguous$/m, /^step +compute +on rank +imbalance/m,
      /^critical path: what the makespan of [\d.]+ ms was made of$/m, /^imbalance +[\d.]+ ms +[\d.]+ %$/m,
      /^ {2}a balanced layout would give back [\d.]+ % \([\d.]+ ms\)$/m, /^ {2}an infinite link would give back/m,
      /^attention +compute +\d+ +[\d.]+ ms$/m,
    ]) expect(out).toMatch(line)
    expect(out).not.toMatch(/undefined|NaN|null/)
  })

  test('several jobs are several reports, and no one document', async () => {
    const reports = await cli(['analyze', at('ring'), at('other.json')])
    expect(reports.code).toBe(0)
    expect(reports.out.split(`\n${'-'.repeat(72)}\n`)).toHaveLength(2)
    expect(reports.out).toMatch(/other\.json: 2 events.*\n {2}mended 1 x .* \(first at byte \d+\)/)
    const document = await cli(['analyze', at('ring'), at('other.json'), '--json'])
    expect(document).toMatchObject({ code: 2, out: '' })
    expect(document.notes).toMatch(/these files are 2 jobs.*\n.*rank-0.*\n.*other\.json.*\nanalyze them one at a time/)
  })

  test('what is no trace in a folder is left out and named; named itself it is refused', async () => {
    mkdirSync(at('mixed'))
    writeFileSync(at('mixed/rank0.json'), readFileSync(at('other.json')))
    writeFileSync(at('mixed/config.json'), '{"model": "llama"}')
    const folder = await cli(['analyze', at('mixed')])
    expect(folder).toMatchObject({ code: 0 })
    expect(folder.notes).toMatch(/^left out: .*config\.json: this is JSON but no trace: .*"model"/)
    expect(folder.out).toContain('rank0.json: 2 events')
    expect(await cli(['analyze', at('mixed'), at('mixed/config.json')])).toMatchObject({ code: 2, out: '' })
    rmSync(at('mixed/rank0.json'))
    expect(await cli(['analyze', at('mixed')])).toMatchObject({ code: 2, out: '' })
  })

  test('rules of the user go first; such as are wrong are refused with their place', async () => {
    const { out } = await cli(['analyze', at('other.json'), '--rules', at('rules.json'), '--json'])
    const { classification } = JSON.parse(out) as TraceAnalysis
    expect(classification?.overriddenBy).toBe(at('rules.json'))
    expect(classification?.kinds).toContainEqual({ kind: 'mine', category: 'memory', count: 1, totalUs: 2 })
    const report = await cli(['analyze', at('other.json'), '--rules', at('rules.json')])
    expect(report.out).toMatch(/^what ran on the device; the rules of .*rules\.json go first$/m)
    const bad = await cli(['analyze', at('other.json'), '--rules', at('bad-rules.json')])
    expect(bad).toMatchObject({ code: 2, out: '' })
    expect(bad.notes).toContain('rules[0].match')
    expect(await cli(['analyze', at('other.json'), '--rules', at('none.json')])).toMatchObject({ code: 2 })
  })

  test('says how far it is in bytes, and stops with 130 when the user wants it to', async () => {
    const { progress } = await cli(['analyze', at('ring')])
    expect(progress.some((line) => /^\[#*-*\] +\d+ % {2}reading rank-\d\.pt\.trace\.json, [\d.]+ KiB of [\d.]+ [KM]iB, [\d,]+ events$/.test(line))).toBe(true)
    expect(await cli(['analyze', at('ring')], (stop) => { stop.abort() })).toMatchObject({ code: 130, out: '' })
  })
})

describe('convert', () => {
  test('to chrome: one file that keeps the rules of Perfetto and has the same figures', async () => {
    const out = at('merged.json.gz')
    expect(await cli(['convert', at('ring'), '--to', 'chrome', '--out', out])).toMatchObject({ code: 0, out: '' })
    expect(perfettoViolations(JSON.parse(gunzipSync(readFileSync(out)).toString()))).toEqual([])
    expect((await cli(['analyze', out])).out).toBe((await cli(['analyze', at('ring')])).out)
  })

  test('to csv: a line a span, or a line a rank and step of the ring', async () => {
    expect(await cli(['convert', at('ring'), '--to', 'csv', '--out', at('spans.csv')])).toMatchObject({ code: 0 })
    const spans = readFileSync(at('spans.csv'), 'utf8').split('\r\n')
    expect(spans[0]).toMatch(/^rank,lane,laneKind,category,kind,form,name,startNs,durationNs,waitNs,transferNs/)
    expect(spans.filter((line) => line.includes('ncclDevKernel_SendRecv')).every((line) => /,complete,[^,]*"?[^"]*"?,\d+,\d+,\d+,\d+,(true|false),/.test(line))).toBe(true)
    expect(await cli(['convert', at('ring'), '--to', 'csv-steps', '--out', at('steps.csv')])).toMatchObject({ code: 0 })
    expect(readFileSync(at('steps.csv'), 'utf8').trim().split('\r\n')).toHaveLength(1 + 3 * (3 + 3))
  })

  test('what cannot be is refused with code 2, and leaves no file', async () => {
    for (const [args, message] of [
      [[at('ring'), '--to', 'csv', '--out', at('x.json')], /ends in \.csv or \.csv\.gz/],
      [[at('other.json'), '--to', 'csv-steps', '--out', at('x.csv')], /no ring was recognised/],
      [[at('ring'), at('other.json'), '--to', 'chrome', '--out', at('x.json')], /2 jobs, and one file holds one of them/],
      [[at('ring'), '--to', 'xml', '--out', at('x.xml')], /Allowed choices are chrome, csv, csv-steps/],
      [[at('none'), '--to', 'csv', '--out', at('x.csv')], /no such file or folder/],
    ] as const) {
      const { code, notes } = await cli(['convert', ...args])
      expect(notes).toMatch(message)
      expect(code).toBe(2)
    }
    for (const name of ['x.json', 'x.csv', 'x.xml']) expect(existsSync(at(name))).toBe(false)
  })

  test('stopped while it writes, it ends with 130 and leaves what was there', async () => {
    writeFileSync(at('kept.csv'), 'old')
    const stopped = await cli(['convert', at('ring'), '--to', 'csv', '--out', at('kept.csv')], (stop) => { stop.abort() })
    expect(stopped.code).toBe(130)
    expect(readFileSync(at('kept.csv'), 'utf8')).toBe('old')
  })
})
