import { HOLE, LITERAL } from '../../timeline/traceContent.ts'
import { DigitSegments } from './digitSegments.ts'
import type { EventBatch, ScanTables } from './eventBatch.ts'
import { EventColumns } from './eventColumns.ts'
import type { EventFields } from './readEvent.ts'
import { BATCH_EVENTS, loadTraceModule, type TraceModule } from './traceModule.ts'
import { decodeText, encodeText } from './wtf8.ts'

/** Bytes that may follow the input, which the module overwrites. */
const INPUT_SLACK = 64
const FIRST_DIGITS = 1 << 21

/** A piece of the module's memory. */
export interface Region {
  readonly at: number
  readonly capacity: number
}

export interface Scanned {
  /** The first address that was not read. */
  readonly at: number
  readonly rows: number
  readonly afterComma: boolean
  readonly needsComma: boolean
}

/**
 * Texts, templates of args and their digits over all files that are opened together. They are in the memory of a
 * WebAssembly module, beside the code that fills them; what of it is asked for is decoded here.
 */
export class ScanSession implements ScanTables {
  /** Whether the module reads events; else each is read the slow way, which tests compare it with. */
  readonly fast: boolean
  readonly #module: TraceModule
  readonly #texts: string[] = ['']
  readonly #templates: string[] = []
  readonly #digits = new DigitSegments()
  readonly #spare: Region[] = []
  #bytes = new Uint8Array<ArrayBufferLike>(new ArrayBuffer(0))
  #columns: EventColumns | null = null
  #scratch: Region
  /** Where the module writes digits. */
  #digitRoom: Region

  constructor(module: TraceModule, fast: boolean) {
    this.fast = fast
    this.#module = module
    this.#templates[0] = ''
    this.#templates[LITERAL] = ''
    this.#scratch = this.#take(1 << 16)
    this.#digitRoom = this.#take(FIRST_DIGITS)
    this.#placeDigits()
  }

  text(id: number): string {
    const known = this.#texts[id]
    if (known !== undefined) return known
    const at = this.#module.textAt(id) >>> 0
    const length = this.#module.textLength(id)
    const text = at === 0xffffffff ? String(length) : decodeText(Buffer.from(this.bytes.buffer, at, length))
    this.#texts[id] = text
    return text
  }

  get templates(): readonly string[] {
    for (let template = this.#templates.length; template < this.#module.templateCount(); template++) this.#templates.push(this.#template(template))
    return this.#templates
  }

  takeDigits(): Uint8Array {
    this.#saveDigits()
    const digits = this.#digits.take()
    this.#placeDigits()
    return digits
  }

  /** All of the module's memory. A view is good until the next call of anything here. */
  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.#module.memory.buffer) {
      this.#bytes = new Uint8Array(this.#module.memory.buffer)
      this.#columns = null
    }
    return this.#bytes
  }

  /** Memory for input. */
  takeInput(capacity: number): Region {
    const spare = this.#spare.findIndex((region) => region.capacity >= capacity)
    return spare >= 0 ? this.#spare.splice(spare, 1)[0] : this.#take(capacity)
  }

  giveBack(region: Region): void {
    this.#spare.push(region)
  }

  /** The text of UTF-8 at an address. */
  #decode(at: number, length: number): string {
    return Buffer.from(this.bytes.buffer, at, length).toString('utf8')
  }

  /**
   * Reads ordinary events from an address on, with commas between them, into the batch behind its first rows.
   * @param base the file's offset of address 0
   */
  scan(at: number, end: number, firstRow: number, base: number): Scanned {
    const module = this.#module
    this.#roomForDigits(end - at)
    const to = module.scan(at, end, firstRow, base) >>> 0
    return { at: to, rows: module.rowCount(), afterComma: module.endedAfterComma() !== 0, needsComma: module.endedAfterEvent() !== 0 }
  }

  /** Puts an event that was read the slow way into a row of the batch. */
  setRow(row: number, event: EventFields, offset: number): void {
    const name = this.#intern(event.name)
    const cat = this.#intern(event.cat)
    const pid = this.#intern(event.pid)
    const tid = this.#intern(event.tid)
    const id = this.#intern(event.id)
    const argsAt = this.#argsEnd
    const argsTemplate = event.args === null ? 0 : this.#keepArgs(event.args)
    const columns = this.#currentColumns()
    columns.phase[row] = event.phase
    columns.name[row] = name
    columns.cat[row] = cat
    columns.pid[row] = pid
    columns.tid[row] = tid
    columns.id[row] = id
    columns.flags[row] = event.flags
    columns.tsMicros[row] = event.tsMicros
    columns.tsNanos[row] = event.tsNanos
    columns.durNs[row] = event.durNs
    columns.argsTemplate[row] = argsTemplate
    columns.argsAt[row] = argsAt
    columns.offset[row] = offset
  }

  batch(count: number): EventBatch {
    return this.#currentColumns().batch(count)
  }

  /** The number of a text with escapes, given as it is written. */
  meaning(at: number, length: number): number {
    return this.#intern(JSON.parse(`"${this.#decode(at >>> 0, length)}"`) as string)
  }

  #take(capacity: number): Region {
    return { at: this.#module.take(capacity + INPUT_SLACK) >>> 0, capacity }
  }

  #currentColumns(): EventColumns {
    const { buffer } = this.bytes
    this.#columns ??= new EventColumns(BATCH_EVENTS, buffer, this.#module.columnsAt() >>> 0)
    return this.#columns
  }

  /** Writes a text into the scratch memory. @returns its length in bytes */
  #write(text: string): number {
    const bytes = encodeText(text)
    if (bytes.length > this.#scratch.capacity) this.#scratch = this.#take(2 * bytes.length)
    this.bytes.set(bytes, this.#scratch.at)
    return bytes.length
  }

  #intern(text: string): number {
    return text === '' ? 0 : this.#module.intern(this.#scratch.at, this.#write(text))
  }

  #keepArgs(json: string): number {
    const length = this.#write(json)
    this.#roomForDigits(length)
    return this.#module.keepArgs(this.#scratch.at, this.#scratch.at + length, json.includes('\\u'))
  }

  #template(template: number): string {
    let at = this.#module.templateAt(template) >>> 0
    const view = new DataView(this.bytes.buffer)
    const pieces: string[] = []
    const count = view.getUint32(at, true)
    at += 16
    for (let piece = 0; piece < count; piece++) {
      const length = view.getUint32(at, true)
      pieces.push(this.#decode(at + 4, length))
      at += 4 + Math.max(16, (length + 15) & ~15)
    }
    return pieces.join(HOLE)
  }

  get #argsEnd(): number {
    return this.#digits.length + (this.#module.digitsEnd() >>> 0) - this.#digitRoom.at
  }

  /** An event's digits are no more than the bytes it was read from. */
  #roomForDigits(inputBytes: number): void {
    const used = (this.#module.digitsEnd() >>> 0) - this.#digitRoom.at
    if (used + inputBytes + INPUT_SLACK <= this.#digitRoom.capacity) return
    this.#saveDigits()
    if (inputBytes + INPUT_SLACK > this.#digitRoom.capacity) this.#digitRoom = this.#take(2 * inputBytes)
    this.#placeDigits()
  }

  #saveDigits(): void {
    const end = this.#module.digitsEnd() >>> 0
    this.#digits.add(new Uint8Array(this.bytes.subarray(this.#digitRoom.at, end)))
    this.#placeDigits()
  }

  #placeDigits(): void {
    this.#module.digitsTo(this.#digitRoom.at)
    this.#module.setArgsOrigin((this.#digits.length - this.#digitRoom.at) >>> 0)
  }
}

/**
 * One for each set of files that are opened together, so that equal texts have equal numbers across them.
 * @param options `fast: false` reads every event the slow way
 * @throws TraceModuleError where the compiled scanner is missing
 */
export async function createScanSession(options: { readonly fast?: boolean } = {}): Promise<ScanSession> {
  // The module asks only while it reads, when the session is there.
  let session: ScanSession | null = null
  const module = await loadTraceModule((at, length) => {
    if (session === null) throw new Error('the trace module read before its session was made')
    return session.meaning(at, length)
  })
  session = new ScanSession(module, options.fast ?? true)
  return session
}
