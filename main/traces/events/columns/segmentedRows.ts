const KINDS = {
  u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f64: Float64Array,
} as const

type Kind = keyof typeof KINDS
type ArrayOf<K extends Kind> = InstanceType<(typeof KINDS)[K]>
type Spec = Readonly<Record<string, Kind>>
export type Segment<S extends Spec> = { readonly [K in keyof S]: ArrayOf<S[K]> }

const FIRST_ROWS = 256
/** Large enough that a segment's overhead vanishes, small enough that the last one wastes little. */
const SEGMENT_ROWS = 1 << 16

/** A typed array over memory that threads may share. @throws RangeError when there is not that much. */
export function sharedArray<K extends Kind>(kind: K, length: number): ArrayOf<K> {
  const array: new (memory: SharedArrayBuffer) => InstanceType<(typeof KINDS)[Kind]> = KINDS[kind]
  return new array(new SharedArrayBuffer(length * KINDS[kind].BYTES_PER_ELEMENT)) as ArrayOf<K>
}

/**
 * Rows of typed columns that grow without ever being copied as a whole: a write is
 * `const at = rows.next(); rows.current.name[at] = …`. At the end columns are taken one by one, and what was taken is
 * freed piece by piece, so that reading a file never needs its columns twice.
 */
export class SegmentedRows<const S extends Spec> {
  readonly #spec: S
  readonly #full: Segment<S>[] = []
  readonly #taken = new Set<keyof S>()
  /** Columns of the segment that {@link next} points into. */
  current: Segment<S>
  #at = 0
  #room = FIRST_ROWS

  constructor(spec: S) {
    this.#spec = spec
    this.current = this.#allocate(FIRST_ROWS)
  }

  get count(): number {
    return this.#full.length * SEGMENT_ROWS + this.#at
  }

  /** Makes room for a row. @returns its place in `current`, zero until written. */
  next(): number {
    if (this.#at === this.#room) this.#grow()
    return this.#at++
  }

  /** A column as one array of exactly the rows; its segments are freed. A column can be taken once. */
  take<K extends keyof S>(key: K): ArrayOf<S[K]> {
    const joined = new KINDS[this.#spec[key]](this.count) as ArrayOf<S[K]>
    this.takeInto(key, joined, 0)
    return joined
  }

  /** As {@link take}, into a part of another array. */
  takeInto<K extends keyof S>(key: K, target: ArrayOf<S[K]>, from: number): void {
    if (this.#taken.has(key)) throw new Error(`column ${String(key)} was taken before`)
    this.#taken.add(key)
    let to = from
    for (const segment of this.#full) {
      const column = segment[key]
      target.set(column, to)
      to += column.length
      release(column)
    }
    target.set(this.current[key].subarray(0, this.#at), to)
    release(this.current[key])
  }

  #allocate(rows: number): Segment<S> {
    const entries = Object.entries(this.#spec).map(([key, kind]) => [key, new KINDS[kind](rows)])
    return Object.fromEntries(entries) as Segment<S>
  }

  #grow(): void {
    if (this.#room === SEGMENT_ROWS) {
      this.#full.push(this.current)
      this.current = this.#allocate(SEGMENT_ROWS)
      this.#at = 0
      return
    }
    // A small file should not pay for a whole segment.
    this.#room = Math.min(this.#room * 4, SEGMENT_ROWS)
    const larger = this.#allocate(this.#room)
    for (const key of Object.keys(this.#spec) as (keyof S)[]) larger[key].set(this.current[key])
    this.current = larger
  }
}

/** Gives an array's memory back now; the garbage collector would wait. */
function release(column: { readonly buffer: ArrayBufferLike }): void {
  if (column.buffer instanceof ArrayBuffer) column.buffer.transfer(0)
}
