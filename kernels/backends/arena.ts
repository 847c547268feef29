import type { KvSlot, RankArena, RankShape } from './backend.ts'

const PAGE_BYTES = 65_536
const LARGEST_MEMORY_BYTES = 4 * 2 ** 30
/** Cache line, and the alignment of every buffer. */
const ALIGNMENT = 64
/** Address 0 stays unused, as the compiler expects. */
const FIRST_BYTE = 1024

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** A rank's share does not fit one 32-bit memory. */
export class ArenaTooLargeError extends Error {
  override readonly name = 'ArenaTooLargeError'
  constructor(neededBytes: number) {
    super(`one rank needs ${(neededBytes / 2 ** 30).toFixed(2)} GiB and can have 4 GiB: ` +
      'use more ranks, a shorter sequence, a smaller batch or fewer heads')
  }
}

interface ArenaSizes {
  readonly queryBytes: number
  readonly lseBytes: number
  /** Of K, and of V. */
  readonly keyBytes: number
  readonly slotBytes: number
  readonly totalBytes: number
}

/**
 * The sizes of an arena, without making one: tells a supervisor whether a run fits before it starts anything.
 * @throws ArenaTooLargeError
 */
export function arenaSizes(shape: RankShape, slotCount: number, scratchBytes: number): ArenaSizes {
  const { batch, heads, kvHeads, headDim, tokens } = shape
  const queryBytes = align(batch * heads * tokens * headDim * 4)
  const lseBytes = align(batch * heads * tokens * 4)
  const keyBytes = batch * kvHeads * tokens * headDim * 4
  const slotBytes = align(2 * keyBytes)
  const totalBytes = FIRST_BYTE + 2 * queryBytes + lseBytes + slotCount * slotBytes + align(scratchBytes)
  if (totalBytes > LARGEST_MEMORY_BYTES) throw new ArenaTooLargeError(totalBytes)
  return { queryBytes, lseBytes, keyBytes, slotBytes, totalBytes }
}

/**
 * Lays out a rank's buffers in one new shared memory.
 * @param slotCount K/V blocks held at once: the one attended to and the one being received.
 * @param scratchBytes what the backend asked for.
 * @throws ArenaTooLargeError
 */
export function createArena(shape: RankShape, slotCount: number, scratchBytes: number): RankArena {
  const { batch, heads, headDim, tokens } = shape
  const { queryBytes, lseBytes, keyBytes, slotBytes, totalBytes } = arenaSizes(shape, slotCount, scratchBytes)
  const pages = Math.ceil(totalBytes / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const { buffer } = memory

  let at = FIRST_BYTE
  const take = (bytes: number): number => {
    const start = at
    at += bytes
    return start
  }
  const floats = (start: number, bytes: number): Float32Array => new Float32Array(buffer, start, bytes / 4)
  const q = floats(take(queryBytes), batch * heads * tokens * headDim * 4)
  const out = floats(take(queryBytes), batch * heads * tokens * headDim * 4)
  const lse = floats(take(lseBytes), batch * heads * tokens * 4)
  const slots = Array.from({ length: slotCount }, (): KvSlot => {
    const start = take(slotBytes)
    return {
      k: floats(start, keyBytes), v: floats(start + keyBytes, keyBytes),
      bytes: new Uint8Array(buffer, start, 2 * keyBytes),
    }
  })
  return { memory, q, out, lse, slots, scratchByteOffset: at }
}
