import type { SourceFile } from '../timeline/timeline.ts'

/** Counts what was mended or left out of a file, by kind, with the byte offset of the first. */
export class Tally {
  readonly #kinds = new Map<string, { count: number; firstOffset: number }>()

  add(kind: string, offset: number, count = 1): void {
    const known = this.#kinds.get(kind)
    if (known === undefined) this.#kinds.set(kind, { count, firstOffset: offset })
    else {
      known.count += count
      known.firstOffset = Math.min(known.firstOffset, offset)
    }
  }

  entries(): SourceFile['repairs'] {
    return [...this.#kinds].map(([kind, counted]) => ({ kind, ...counted }))
  }
}
