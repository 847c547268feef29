import { spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { z } from 'zod'
import type { CellCounters } from '../../preload/contract/sweep.ts'
import { runCommand, type RunCommand } from '../machine/command.ts'

/** What is counted, and the events that count it, best first: names of caches' events differ between processors. In user code only. */
const EVENTS = {
  instructions: ['instructions:u'],
  cycles: ['cycles:u'],
  l1Misses: ['L1-dcache-load-misses:u'],
  l2Misses: ['l2_rqsts.miss:u', 'l2_cache_misses_from_dc_misses:u', 'l2d_cache_refill:u'],
  l3Misses: ['LLC-load-misses:u'],
} as const
type Counted = keyof typeof EVENTS
const COUNTED = Object.keys(EVENTS) as Counted[]

/** Where counters come from, or why there are none. */
export type CounterSource =
  | { readonly available: true; readonly events: Readonly<Partial<Record<Counted, string>>>; readonly from: string }
  | { readonly available: false; readonly from: string }

const NONE = 'no hardware counters, cells are explained by the traffic model:'

/** A line of `perf stat -x,`: value, unit, event, time it was counted for, share of the time. */
const line = z.tuple([z.string(), z.string(), z.string(), z.string(), z.string()], z.string())

/** Counts by event; null for an event that was not counted. */
export function parsePerfStat(text: string): ReadonlyMap<string, number | null> {
  const counts = new Map<string, number | null>()
  for (const row of text.split('\n')) {
    const parsed = line.safeParse(row.split(','))
    if (!parsed.success) continue
    const [value, , event] = parsed.data
    counts.set(event, /^\d+(\.\d+)?$/.test(value) ? Number(value) : null)
  }
  return counts
}

/** perf itself says "user" of some events in other words than it was asked. */
function countOf(counts: ReadonlyMap<string, number | null>, event: string): number | null {
  return counts.get(event) ?? counts.get(event.replace(/:u$/, '')) ?? null
}

async function eventWorks(run: RunCommand, event: string): Promise<{ works: true } | { works: false; reason: string }> {
  const outcome = await run('perf', ['stat', '-x,', '--log-fd', '1', '-e', event, 'true'])
  if (outcome.kind === 'missing') return { works: false, reason: 'perf is not installed' }
  if (outcome.kind === 'failed') return { works: false, reason: outcome.message.split('\n')[0] }
  const counts = parsePerfStat(outcome.stdout)
  if (countOf(counts, event) !== null) return { works: true }
  return { works: false, reason: `perf says that ${event} is ${/<([^>]*)>/.exec(outcome.stdout)?.[1] ?? 'not counted'}` }
}

/** Finds out which events this system counts. Starts `perf` some times; never rejects. */
export async function findCounters(run: RunCommand = runCommand, platform: string = process.platform): Promise<CounterSource> {
  if (platform !== 'linux') return { available: false, from: `${NONE} perf is a program of Linux` }
  const events: Partial<Record<Counted, string>> = {}
  for (const counted of COUNTED) {
    let reason = ''
    for (const event of EVENTS[counted]) {
      const found = await eventWorks(run, event)
      if (found.works) {
        events[counted] = event
        break
      }
      reason = found.reason
    }
    // Without these two there is nothing to relate misses to; on virtual machines they are the first to be missing.
    if (events[counted] === undefined && (counted === 'instructions' || counted === 'cycles')) return { available: false, from: `${NONE} ${reason}` }
  }
  return { available: true, events, from: `perf stat, ${Object.values(events).join(', ')}` }
}

async function firstLine(stream: Readable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.once('data', () => { resolve() })
    stream.once('close', () => { reject(new Error('perf ended')) })
  })
}

/**
 * Counts what a process does while `measure` runs, by `perf stat` switched on and off over a pipe.
 * @param source available
 * @returns null where perf gave no figures, such as when it may not look at the process
 */
export async function countWhile(pid: number, events: Readonly<Partial<Record<Counted, string>>>, measure: () => Promise<unknown>, perf = 'perf'): Promise<CellCounters | null> {
  const child = spawn(perf, ['stat', '-x,', '--log-fd', '1', '-D', '-1', '--control', 'fd:3,4', '-e', Object.values(events).join(','), '-p', String(pid)],
    { stdio: ['ignore', 'pipe', 'ignore', 'pipe', 'pipe'] })
  const [, output, , control, answers] = child.stdio as unknown as [null, Readable, null, Writable, Readable]
  let text = ''
  output.setEncoding('utf8').on('data', (part: string) => { text += part })
  control.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => { resolve() })
    child.once('close', () => { resolve() })
  })
  const order = async (word: 'enable' | 'disable'): Promise<void> => {
    control.write(`${word}\n`)
    await firstLine(answers)
  }
  try {
    await order('enable')
    await measure()
    await order('disable')
  } catch (error) {
    // perf that ends early counts nothing; what the measurement itself says is for whoever asked for it.
    if (!(error instanceof Error && error.message === 'perf ended')) throw error
  } finally {
    child.kill('SIGINT')
    await ended
  }
  const counts = parsePerfStat(text)
  const of = (counted: Counted): number | null => {
    const event = events[counted]
    return event === undefined ? null : countOf(counts, event)
  }
  const [instructions, cycles] = [of('instructions'), of('cycles')]
  if (instructions === null || cycles === null) return null
  return { instructions, cycles, l1Misses: of('l1Misses'), l2Misses: of('l2Misses'), l3Misses: of('l3Misses') }
}
