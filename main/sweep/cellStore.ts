import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { z } from 'zod'

/** Cells that were not measured for longest are forgotten beyond this many in a file. */
const MOST_CELLS = 20_000
const KEY_LENGTH = 16

const file = z.object({ facts: z.unknown(), cells: z.array(z.unknown()) })
const entry = z.object({ key: z.string().min(1), measuredAt: z.string(), cell: z.unknown() })

/** A short name for facts, whatever the order of their keys. */
export function digestOf(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(sorted(facts))).digest('hex').slice(0, KEY_LENGTH)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
}

interface Known<Cell> {
  readonly cell: Cell
  readonly measuredAt: string
}

/**
 * Cells of earlier sweeps, one file for all that were measured under the same facts (machine, backend, kernel). Written beside its
 * target and renamed; what is damaged is left out and said.
 */
export class CellStore<Cell> {
  readonly #path: string
  readonly #folder: string
  readonly #facts: unknown
  readonly #schema: z.ZodType<Cell>
  readonly #fresh = new Map<string, Known<Cell>>()
  #known = new Map<string, Known<Cell>>()

  /** @param facts on which all cells depend, so that others have a file of their own. */
  constructor(folder: string, kind: 'tile' | 'ring', facts: unknown, schema: z.ZodType<Cell>) {
    this.#folder = folder
    this.#path = join(folder, `${kind}-${digestOf(facts)}.json`)
    this.#facts = facts
    this.#schema = schema
  }

  /** Reads what is known. @returns what had to be left out, for people. */
  async load(): Promise<readonly string[]> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      return [`earlier sweeps in ${this.#path} were not used: ${error instanceof Error ? error.message : String(error)}`]
    }
    const whole = file.safeParse(jsonOf(text))
    if (!whole.success) return [`earlier sweeps in ${this.#path} are damaged and were not used; the file is written anew`]
    this.#known = new Map()
    let damaged = 0
    for (const raw of whole.data.cells) {
      const known = entry.safeParse(raw)
      const cell = known.success ? this.#schema.safeParse(known.data.cell) : null
      if (known.success && cell?.success === true) this.#known.set(known.data.key, { cell: cell.data, measuredAt: known.data.measuredAt })
      else damaged++
    }
    return damaged === 0 ? [] : [`${damaged} damaged ${damaged === 1 ? 'cell' : 'cells'} of earlier sweeps in ${this.#path} ${damaged === 1 ? 'was' : 'were'} left out`]
  }

  get(key: string): Cell | null {
    return this.#known.get(key)?.cell ?? null
  }

  set(key: string, cell: Cell): void {
    this.#fresh.set(key, { cell, measuredAt: new Date().toISOString() })
  }

  /** Adds what was set to what the file holds by now. @returns what went wrong, for people: results are not lost for it. */
  async save(): Promise<readonly string[]> {
    if (this.#fresh.size === 0) return []
    await this.load()
    for (const [key, known] of this.#fresh) this.#known.set(key, known)
    const cells = [...this.#known].map(([key, { cell, measuredAt }]) => ({ key, measuredAt, cell }))
      .sort((a, b) => (a.measuredAt < b.measuredAt ? 1 : -1)).slice(0, MOST_CELLS)
    try {
      await mkdir(this.#folder, { recursive: true })
      await writeFileAtomic(this.#path, `${JSON.stringify({ facts: this.#facts, cells })}\n`)
      return []
    } catch (error) {
      return [`the cells could not be kept for the next sweep: ${error instanceof Error ? error.message : String(error)}`]
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Where cells of earlier sweeps are kept, and what all of them depend on. */
export interface CellPlace {
  /** Null keeps none. */
  readonly storeDir: string | null
  /** What invalidates measurements: processor, engine, kernels. */
  facts(): Promise<Readonly<Record<string, string>>>
}

/** Opens the cells of a backend. `warnings`: what had to be left out, for people. */
export async function openCells<Cell>({ storeDir, facts }: CellPlace, kind: 'tile' | 'ring', backend: string, schema: z.ZodType<Cell>): Promise<{
  readonly store: CellStore<Cell> | null
  readonly warnings: readonly string[]
}> {
  if (storeDir === null) return { store: null, warnings: [] }
  const store = new CellStore(storeDir, kind, { ...await facts(), backend }, schema)
  return { store, warnings: await store.load() }
}
