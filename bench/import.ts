import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Opened } from './import.opened.ts'
import { type KinetoFile, writeKinetoFile } from './kinetoFile.ts'

/*
 * Opening big traces: files like the PyTorch profiler's, plain and gzip, from the first byte to the index that answers
 * queries. Throughput against JSON.parse of the same text, which is in memory already and only becomes objects: in two
 * processes, in turn, so that whatever else the machine does weighs on both and neither's garbage on the other.
 * Memory, queries and searches each in a process of its own.
 */
const REPEATS = 11
/** The first rounds are not counted: code is compiled in them. */
const WARM_UP = 4
const LIMITS = { timesJsonParse: 1.3, bytesPerByte: 0.7, residentBytes: 1.5e9, viewportMs: 5, searchMs: 300 } as const
const SIZES = { full: { small: 100e6, large: 1.2e9 }, quick: { small: 20e6, large: 100e6 } } as const
const QUERIES = 300
/** Names, keys and values of args, text and digits: many hits, few and some of each kind. */
const SEARCHES = ['flash_fwd', 'SendRecv', 'ProfilerStep#12', 'BFloat16', 'stream 40', 'correlation: 61', '9731', 'Dst Rank']

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)

interface Throughput {
  readonly parseMs: readonly number[]
  readonly openMs: readonly number[]
  /** The median of the ratios of neighbours. */
  readonly timesJsonParse: number
}

const forkHere = (file: string): ChildProcess => fork(fileURLToPath(new URL(file, import.meta.url)))

/** Has a process do its work once. @returns what it took, in ms. */
function timeOnce(worker: ChildProcess, path: string, work: 'parse' | 'open'): Promise<number> {
  return new Promise((resolve, reject) => {
    const onClose = (code: number | null): void => { reject(new Error(`the process for ${work} ended with code ${code}`)) }
    worker.once('close', onClose)
    worker.once('message', (ms) => {
      worker.off('close', onClose)
      resolve(Number(ms))
    })
    worker.send({ path, work })
  })
}

/**
 * What the work takes when it is done for the second time in a row: while it is for the first, the other process's threads
 * still clear garbage away and take a core from it.
 */
async function timeSecond(worker: ChildProcess, path: string, work: 'parse' | 'open'): Promise<number> {
  await timeOnce(worker, path, work)
  return timeOnce(worker, path, work)
}

async function compareThroughput({ path }: KinetoFile): Promise<Throughput> {
  const parser = forkHere('import.rate.ts')
  const opener = forkHere('import.rate.ts')
  const parseMs: number[] = []
  const openMs: number[] = []
  try {
    for (let repeat = -WARM_UP; repeat < REPEATS; repeat++) {
      const parsed = await timeSecond(parser, path, 'parse')
      const opened = await timeSecond(opener, path, 'open')
      if (repeat < 0) continue
      parseMs.push(parsed)
      openMs.push(opened)
    }
  } finally {
    parser.kill()
    opener.kill()
  }
  return { parseMs, openMs, timesJsonParse: median(parseMs.map((parse, at) => parse / openMs[at])) }
}

/** Opens a file in a process of its own. */
function openApart(path: string, queries: number, searches: readonly string[]): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const child = forkHere('import.opened.ts')
    let opened: Opened | null = null
    child.once('message', (message) => { opened = message as Opened })
    child.once('error', reject)
    child.once('close', (code) => {
      if (opened === null) reject(new Error(`the process that opened ${path} ended with code ${code}`))
      else resolve(opened)
    })
    child.send({ path, queries, searches })
  })
}

interface Figure {
  readonly what: string
  readonly value: number
  readonly limit: number
  /** Null where it was not judged: limits are for files of full size, on small ones fixed costs weigh more. */
  readonly met: boolean | null
}

const atMost = (what: string, value: number, limit: number): Figure => ({ what, value, limit, met: value <= limit })
const percentile = (ascending: readonly number[], fraction: number): number => ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * fraction))]

function describe({ what, value, limit, met }: Figure, digits: number, bound: 'at least' | 'at most'): string {
  const judged = met === null ? 'at full size' : `wanted: ${met ? 'met' : 'MISSED'}`
  return `  ${what}: ${value.toFixed(digits)}, ${bound} ${limit} ${judged}\n`
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } }, allowPositionals: true,
  })
  const say = (text: string): void => { if (!values.json) process.stdout.write(text) }
  const sizes = values.quick ? SIZES.quick : SIZES.full
  const folder = mkdtempSync(join(tmpdir(), 'ringscope-import-'))
  try {
    const figures: Figure[] = []
    const report = (measured: Figure, digits: number, bound: 'at least' | 'at most' = 'at most'): void => {
      const figure = values.quick ? { ...measured, met: null } : measured
      figures.push(figure)
      say(describe(figure, digits, bound))
    }
    const small = writeKinetoFile({ path: join(folder, 'small.json'), bytes: sizes.small, gzip: false, seed: 1 })
    say(`${megabytes(small.textBytes)} MB, ${small.events} events; medians of ${REPEATS}${values.quick ? '; too small to judge by' : ''}\n`)
    const throughput = await compareThroughput(small)
    const rate = (ms: readonly number[]): string => (small.textBytes / median(ms) / 1000).toFixed(0)
    say(`  JSON.parse ${rate(throughput.parseMs)} MB/s, opened and indexed ${rate(throughput.openMs)} MB/s\n`)
    report({
      what: 'times as fast as JSON.parse', value: throughput.timesJsonParse, limit: LIMITS.timesJsonParse, met: throughput.timesJsonParse >= LIMITS.timesJsonParse,
    }, 2, 'at least')
    const memoryOf = ({ peakBytes, beforeBytes }: Opened, { textBytes }: KinetoFile): number => (peakBytes - beforeBytes) / textBytes
    report(atMost('bytes of memory per byte read', memoryOf(await openApart(small.path, 1, []), small), LIMITS.bytesPerByte), 3)
    rmSync(small.path)

    for (const gzip of [false, true]) {
      const large = writeKinetoFile({ path: join(folder, gzip ? 'large.json.gz' : 'large.json'), bytes: sizes.large, gzip, seed: 2 })
      say(`${megabytes(large.textBytes)} MB, ${large.events} events, ${gzip ? 'gzip' : 'plain'}\n`)
      const opened = await openApart(large.path, QUERIES, SEARCHES)
      const totalMs = opened.openMs + opened.indexMs
      say(`  opened in ${(totalMs / 1000).toFixed(1)} s, ${(large.textBytes / totalMs / 1000).toFixed(0)} MB/s; ${opened.spans} spans\n`)
      report(atMost('bytes of memory per byte read', memoryOf(opened, large), LIMITS.bytesPerByte), 3)
      report(atMost('GB of resident set at the highest', opened.peakBytes / 1e9, LIMITS.residentBytes / 1e9), 2)
      report(atMost('ms a viewport query, 95th percentile', percentile(opened.viewportMs, 0.95), LIMITS.viewportMs), 2)
      const [slowest, searchMs] = Object.entries(opened.searchMs).toSorted(([, a], [, b]) => b - a)[0]
      report(atMost(`ms the slowest search, for "${slowest}"`, searchMs, LIMITS.searchMs), 0)
      rmSync(large.path)
    }
    const passed = figures.every(({ met }) => met !== false)
    if (values.json) process.stdout.write(`${JSON.stringify({ repeats: REPEATS, throughput, figures, passed: values.quick ? null : passed })}\n`)
    return passed ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main()
