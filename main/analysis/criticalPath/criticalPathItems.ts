/**
 * What an item on a rank does: its code in columns. Bytes that arrive on a link of our own runs are apart from those that
 * leave, since each direction is busy for itself; a communication kernel is both and counts as `wire`.
 */
export const WORK = { compute: 0, memory: 1, other: 2, wire: 3, arrival: 4 } as const

export const isWire = (work: number): boolean => work >= WORK.wire

/** One piece of work of a rank; times are whole ns. */
export interface NewItem {
  /** Position of the rank among those of the path. */
  readonly slot: number
  /** Code of {@link WORK}. */
  readonly work: number
  readonly startNs: number
  readonly endNs: number
  /** Index of its span; -1 for one that stands for compute a rank was spared, see {@link BalanceGroups}. */
  readonly span: number
  /** Group of compute that a balanced layout would level; -1 where there is none. */
  readonly group?: number
  /**
   * Communication that was asked for before it began: when that was. Work of the rank that ended after it is none of its
   * conditions. Its start, where that is not known.
   */
  readonly postedNs?: number
  /** An item that it ran beside from the moment it was asked for: that one is none of its conditions, however short it is. */
  readonly beside?: number
  /** Communication: with full overlap it could be under way from here on at the earliest, since what it moves is made before. */
  readonly madeNs?: number
  /** How much of it was waiting for a rank whose trace is missing. */
  readonly estimatedWaitNs?: number
}

const FIRST_CAPACITY = 1024
const NUMBERS = ['startNs', 'endNs', 'postedNs', 'madeNs', 'estimatedWaitNs'] as const
const INTEGERS = ['slot', 'work', 'span', 'group', 'beside', 'afterStartOf', 'receiver'] as const
type Columns = Record<(typeof NUMBERS)[number], Float64Array> & Record<(typeof INTEGERS)[number], Int32Array>

const allocate = (capacity: number): Columns => {
  const columns: Partial<Columns> = {}
  for (const key of NUMBERS) columns[key] = new Float64Array(capacity)
  for (const key of INTEGERS) columns[key] = new Int32Array(capacity)
  return columns as Columns
}

/**
 * The work of all ranks as columns. Of items that start together those that may be a condition of another come first.
 */
export class Items {
  count = 0
  #capacity: number
  #columns: Columns
  /** Communication kernels that end when the bytes are there, and the items whose start each of them needs. */
  readonly needs = new Map<number, readonly number[]>()

  /** @param expected how many there will be; more find place too. */
  constructor(expected = 0) {
    this.#capacity = Math.max(FIRST_CAPACITY, expected)
    this.#columns = allocate(this.#capacity)
  }

  get columns(): Readonly<Columns> {
    return this.#columns
  }

  /** @returns its index. */
  add({ slot, work, startNs, endNs, span, group = -1, beside = -1, postedNs = startNs, madeNs = Number.NEGATIVE_INFINITY, estimatedWaitNs = 0 }: NewItem): number {
    if (this.count === this.#capacity) this.#grow()
    const columns = this.#columns
    const at = this.count++
    columns.slot[at] = slot
    columns.work[at] = work
    columns.startNs[at] = startNs
    columns.endNs[at] = endNs
    columns.span[at] = span
    columns.group[at] = group
    columns.beside[at] = beside
    columns.postedNs[at] = postedNs
    columns.madeNs[at] = madeNs
    columns.estimatedWaitNs[at] = estimatedWaitNs
    columns.afterStartOf[at] = -1
    columns.receiver[at] = -1
    return at
  }

  /** Bytes that left with `send` arrive in `receive`: neither begins before both ends asked for it. */
  join(send: number, receive: number): void {
    this.#columns.afterStartOf[receive] = send
    this.#columns.receiver[send] = receive
  }

  #grow(): void {
    const previous = this.#columns
    this.#capacity *= 2
    this.#columns = allocate(this.#capacity)
    for (const key of NUMBERS) this.#columns[key].set(previous[key])
    for (const key of INTEGERS) this.#columns[key].set(previous[key])
  }
}

/** What every rank computed in the same stretch of a job: a ring's step, or what lies between two operations of all ranks. */
export class BalanceGroups {
  readonly #totals: Float64Array[] = []
  readonly #members: (readonly number[])[] = []
  readonly #slots: number

  constructor(slots: number) {
    this.#slots = slots
  }

  get count(): number {
    return this.#members.length
  }

  /** @param members slots of the ranks that share the work. @returns the group's number. */
  open(members: readonly number[]): number {
    this.#totals.push(new Float64Array(this.#slots))
    return this.#members.push(members) - 1
  }

  add(group: number, slot: number, ns: number): void {
    this.#totals[group][slot] += ns
  }

  members(group: number): readonly number[] {
    return this.#members[group]
  }

  /** What a rank computed in the group, ns. */
  own(group: number, slot: number): number {
    return this.#totals[group][slot]
  }

  /** The mean of each group over its ranks, ns. */
  means(): Float64Array {
    return Float64Array.from(this.#members, (members, group) =>
      members.length === 0 ? 0 : members.reduce((sum, slot) => sum + this.own(group, slot), 0) / members.length)
  }
}
