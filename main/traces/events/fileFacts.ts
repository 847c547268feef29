import { z } from 'zod'
import { OWN_KEY, type OwnMetadata, parseOwnMetadata } from '../save/ownMetadata.ts'
import type { Tally } from '../tally.ts'

const DISTRIBUTED_KEY = 'distributedInfo'
const BASE_KEY = 'baseTimeNanoseconds'
const WANTED = new Set([OWN_KEY, DISTRIBUTED_KEY, BASE_KEY])

/** A whole number, also in quotes; undefined for anything else. */
const count = z.union([z.int().min(0), z.string().regex(/^\d{1,9}$/).transform(Number)]).optional().catch(undefined)
const distributedInfo = z.object({
  rank: count,
  world_size: count,
  pg_config: z.array(z.object({ pg_size: count })).optional().catch(undefined),
})

/** What a file says of itself beside its events. Keys come in any order, also after the events. */
export class FileFacts {
  readonly #path: string
  readonly #dropped: Tally
  readonly #keys: string[] = []
  /** Set in traces of ours. */
  own: OwnMetadata | null = null
  rank: number | null = null
  world: number | null = null
  /** Kineto: absolute ns (Unix time) of the file's `ts` 0. */
  baseNs: bigint | null = null

  constructor(path: string, dropped: Tally) {
    this.#path = path
    this.#dropped = dropped
  }

  /** Top-level keys so far, `traceEvents` not among them. */
  get keys(): readonly string[] {
    return this.#keys
  }

  wantsKey(key: string): boolean {
    this.#keys.push(key)
    return WANTED.has(key)
  }

  /** @throws TraceFormatError for a record of ours that is damaged or from a newer version. */
  note(key: string, json: string, offset: number): void {
    if (key === OWN_KEY) this.own = parseOwnMetadata(json, this.#path, offset)
    else if (key === BASE_KEY) this.#noteBase(json, offset)
    else this.#noteDistributed(json, offset)
  }

  #noteBase(json: string, offset: number): void {
    // Read from the text: it exceeds what a double holds.
    const match = /^"?(-?\d{1,30})"?$/.exec(json)
    if (match === null) this.#dropped.add(`unreadable "${BASE_KEY}"`, offset)
    else this.baseNs = BigInt(match[1])
  }

  #noteDistributed(json: string, offset: number): void {
    let value: unknown
    try {
      value = JSON.parse(json)
    } catch {
      this.#dropped.add(`unreadable "${DISTRIBUTED_KEY}"`, offset)
      return
    }
    const parsed = distributedInfo.safeParse(value)
    if (!parsed.success) {
      this.#dropped.add(`unreadable "${DISTRIBUTED_KEY}"`, offset)
      return
    }
    const { rank, world_size: world, pg_config: groups = [] } = parsed.data
    this.rank = rank ?? null
    const sizes = groups.flatMap(({ pg_size: size }) => size ?? [])
    this.world = world ?? (sizes.length === 0 ? null : Math.max(...sizes))
  }
}
