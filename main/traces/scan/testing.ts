import { argsText } from '../../timeline/spanArgs.ts'
import type { SourceFile } from '../../timeline/timeline.ts'
import { Tally } from '../tally.ts'
import type { EventBatch } from './eventBatch.ts'
import type { EventFields } from './readEvent.ts'
import type { ScanSession } from './scanSession.ts'
import { createScanSession } from './scanSession.ts'
import { TraceScanner } from './traceScanner.ts'

/** An event as the scanner gave it, its numbers looked up. */
export interface ScannedEvent extends Omit<EventFields, 'phase'> {
  readonly phase: string
  readonly offset: number
}

export interface ScanResult {
  readonly events: readonly ScannedEvent[]
  /** Top-level keys that were asked for, in order, with their text where it was wanted. */
  readonly keys: readonly { readonly key: string; readonly json: string | null }[]
  readonly repairs: SourceFile['repairs']
  readonly dropped: SourceFile['dropped']
  readonly sawEvents: boolean
}

export interface ScanOptions {
  /** False for the slow path alone. */
  readonly fast?: boolean
  /** Sizes of the pieces, taken in turn; all bytes at once where there are none. */
  readonly pieces?: readonly number[]
  readonly wants?: (key: string) => boolean
  readonly longestValue?: number
  /** A session that has seen other files. */
  readonly session?: ScanSession
}

type Columns = Omit<ScannedEvent, 'args'> & { readonly template: number; readonly digitsAt: number }

/** Scans bytes and looks everything up. @throws TraceFormatError */
export async function scanAll(bytes: Uint8Array, { fast = true, pieces = [], wants = () => true, longestValue, session }: ScanOptions = {}): Promise<ScanResult> {
  const tables = session ?? await createScanSession({ fast })
  const rows: Columns[] = []
  const keys: { key: string; json: string | null }[] = []
  const sink = {
    repairs: new Tally(), dropped: new Tally(),
    onBatch: (batch: EventBatch): void => {
      for (let at = 0; at < batch.count; at++) {
        rows.push({
          phase: String.fromCharCode(batch.phase[at]), name: tables.text(batch.name[at]), cat: tables.text(batch.cat[at]),
          pid: tables.text(batch.pid[at]), tid: tables.text(batch.tid[at]), id: tables.text(batch.id[at]), flags: batch.flags[at],
          tsMicros: batch.tsMicros[at], tsNanos: batch.tsNanos[at], durNs: batch.durNs[at], offset: batch.offset[at],
          template: batch.argsTemplate[at], digitsAt: batch.argsAt[at],
        })
      }
    },
    wantsKey: (key: string): boolean => {
      if (wants(key)) return true
      keys.push({ key, json: null })
      return false
    },
    onKey: (key: string, json: string): void => { keys.push({ key, json }) },
  }
  const scanner = new TraceScanner('test.json', sink, tables, longestValue)
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = pieces.length === 0 ? bytes.length : pieces[turn % pieces.length]
    scanner.push(bytes.subarray(at, at + size))
    at += size
  }
  scanner.end()
  const args = {
    templates: tables.templates, template: Uint32Array.from(rows, ({ template }) => template),
    digitsAt: Uint32Array.from(rows, ({ digitsAt }) => digitsAt), digits: tables.takeDigits(),
  }
  return {
    events: rows.map(({ template: _template, digitsAt: _digitsAt, ...event }, at) => ({ ...event, args: argsText(args, at) })),
    keys, repairs: sink.repairs.entries(), dropped: sink.dropped.entries(), sawEvents: scanner.sawEvents,
  }
}

/** As {@link scanAll}, of a text. */
export const scanText = (text: string, options?: ScanOptions): Promise<ScanResult> => scanAll(new TextEncoder().encode(text), options)
