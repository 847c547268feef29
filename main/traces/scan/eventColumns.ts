import type { EventBatch } from './eventBatch.ts'

/** The columns that events are written to, one block of memory: f64, then u32, u16 and u8, as assembly/columns.ts has them. */
export class EventColumns {
  readonly tsMicros: Float64Array
  readonly durNs: Float64Array
  readonly offset: Float64Array
  readonly name: Uint32Array
  readonly cat: Uint32Array
  readonly pid: Uint32Array
  readonly tid: Uint32Array
  readonly id: Uint32Array
  readonly argsTemplate: Uint32Array
  readonly argsAt: Uint32Array
  readonly tsNanos: Uint16Array
  readonly phase: Uint8Array
  readonly flags: Uint8Array

  constructor(capacity: number, buffer: ArrayBufferLike, at: number) {
    let next = at
    const take = (bytes: number): number => {
      const from = next
      next += bytes * capacity
      return from
    }
    this.tsMicros = new Float64Array(buffer, take(8), capacity)
    this.durNs = new Float64Array(buffer, take(8), capacity)
    this.offset = new Float64Array(buffer, take(8), capacity)
    this.name = new Uint32Array(buffer, take(4), capacity)
    this.cat = new Uint32Array(buffer, take(4), capacity)
    this.pid = new Uint32Array(buffer, take(4), capacity)
    this.tid = new Uint32Array(buffer, take(4), capacity)
    this.id = new Uint32Array(buffer, take(4), capacity)
    this.argsTemplate = new Uint32Array(buffer, take(4), capacity)
    this.argsAt = new Uint32Array(buffer, take(4), capacity)
    this.tsNanos = new Uint16Array(buffer, take(2), capacity)
    this.phase = new Uint8Array(buffer, take(1), capacity)
    this.flags = new Uint8Array(buffer, take(1), capacity)
  }

  batch(count: number): EventBatch {
    return {
      count, phase: this.phase, name: this.name, cat: this.cat, pid: this.pid, tid: this.tid, id: this.id, flags: this.flags,
      tsMicros: this.tsMicros, tsNanos: this.tsNanos, durNs: this.durNs,
      argsTemplate: this.argsTemplate, argsAt: this.argsAt, offset: this.offset,
    }
  }
}
