import type { WireDtype } from '../config/runConfig.ts'
import type { GradientSlot, KvSlot, QuerySide, RankShape } from './backend.ts'

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

/** What a rank's buffers must hold. */
export interface ArenaSpec {
  readonly shape: RankShape
  readonly kvSlots: number
  /** 0 without a backward pass. */
  readonly dkvSlots: number
  readonly sides: number
  /** Gradient slot that holds the rank's own dK and dV at the end; null without a backward pass. */
  readonly ownGradientSlot: number | null
  readonly wireDtype: WireDtype
  /** Ranks that share a ring position and split its heads; 1 without Ulysses. */
  readonly degree: number
  /** Query and key/value heads of the whole model. */
  readonly modelHeads: number
  readonly modelKvHeads: number
}

/** A spec for computing blocks alone: nothing travels. */
export const computeSpec = (shape: RankShape, backward = false): ArenaSpec => ({
  shape, kvSlots: 1, dkvSlots: backward ? 1 : 0, sides: 1, ownGradientSlot: backward ? 0 : null,
  wireDtype: 'float32', degree: 1, modelHeads: shape.heads, modelKvHeads: shape.kvHeads,
})

/**
 * The rank's own tensors: all heads, its own tokens. [batch, heads, tokens / degree, headDim], K/V ones with kvHeads.
 * Without Ulysses they are the very arrays that it computes on: side 0, K/V slot 0 and its own gradient slot.
 */
export interface HomeTensors {
  readonly q: Float32Array
  readonly k: Float32Array
  readonly v: Float32Array
  readonly out: Float32Array
  /** Empty without a backward pass, as the gradients. */
  readonly dOut: Float32Array
  readonly dq: Float32Array
  readonly dk: Float32Array
  readonly dv: Float32Array
  /** K then V as bfloat16, where that is how they travel. */
  readonly wire: Uint16Array | null
  /**
   * What each member contributed to dK and dV, where members share key/value heads: one entry a member, dK then dV,
   * each [batch, 1, tokens / degree, headDim]. Empty where they share none.
   */
  readonly parts: readonly GradientSlot[]
}

/**
 * One rank's buffers in one shared memory, so that the communication thread writes a received block where the kernel
 * reads it.
 */
export interface RankArena {
  readonly spec: ArenaSpec
  /** Shared; the fused kernel imports it. */
  readonly memory: WebAssembly.Memory
  readonly sides: readonly QuerySide[]
  readonly kv: readonly KvSlot[]
  readonly dkv: readonly GradientSlot[]
  readonly home: HomeTensors
  /** Byte offset where a backend may keep its own accumulators and scratch, up to the end of the memory. */
  readonly scratchByteOffset: number
}

/** Takes consecutive, aligned ranges; makes views only once there is a memory, so that sizes can be had without one. */
class Allotter {
  bytes = FIRST_BYTE
  readonly #buffer: ArrayBufferLike | null

  constructor(buffer: ArrayBufferLike | null) {
    this.#buffer = buffer
  }

  floats(count: number): Float32Array {
    const start = this.#take(count * 4)
    return this.#buffer === null ? new Float32Array() : new Float32Array(this.#buffer, start, count)
  }

  halves(count: number): Uint16Array {
    const start = this.#take(count * 2)
    return this.#buffer === null ? new Uint16Array() : new Uint16Array(this.#buffer, start, count)
  }

  #take(bytes: number): number {
    const start = this.bytes
    this.bytes += align(bytes)
    return start
  }
}

/** Lays the buffers out; the one place that knows their order and sizes. */
function allot(spec: ArenaSpec, at: Allotter): Pick<RankArena, 'sides' | 'kv' | 'dkv' | 'home'> {
  const { shape: { batch, heads, kvHeads, headDim, tokens }, degree, modelHeads, modelKvHeads } = spec
  const backward = spec.dkvSlots > 0
  const queryFloats = batch * heads * tokens * headDim
  const keyFloats = batch * kvHeads * tokens * headDim
  const whenBackward = (count: number): Float32Array => at.floats(backward ? count : 0)

  const sides = Array.from({ length: spec.sides }, (_, index): QuerySide => ({
    index, q: at.floats(queryFloats), out: at.floats(queryFloats), lse: at.floats(batch * heads * tokens),
    dOut: whenBackward(queryFloats), delta: whenBackward(batch * heads * tokens), dq: whenBackward(queryFloats),
  }))
  const kv = Array.from({ length: spec.kvSlots }, (): KvSlot => ({
    k: at.floats(keyFloats), v: at.floats(keyFloats), wire: spec.wireDtype === 'bfloat16' ? at.halves(2 * keyFloats) : null,
  }))
  const dkv = Array.from({ length: spec.dkvSlots }, (): GradientSlot => ({ dk: at.floats(keyFloats), dv: at.floats(keyFloats) }))

  if (degree === 1) {
    const [own] = sides
    const gradient = spec.ownGradientSlot === null ? { dk: new Float32Array(), dv: new Float32Array() } : dkv[spec.ownGradientSlot]
    return { sides, kv, dkv, home: { ...own, ...kv[0], ...gradient, parts: [] } }
  }
  const homeTokens = tokens / degree
  const homeQueryFloats = batch * modelHeads * homeTokens * headDim
  const homeKeyFloats = batch * modelKvHeads * homeTokens * headDim
  const partFloats = batch * homeTokens * headDim
  return {
    sides, kv, dkv,
    home: {
      q: at.floats(homeQueryFloats), k: at.floats(homeKeyFloats), v: at.floats(homeKeyFloats), out: at.floats(homeQueryFloats),
      dOut: whenBackward(homeQueryFloats), dq: whenBackward(homeQueryFloats),
      dk: whenBackward(homeKeyFloats), dv: whenBackward(homeKeyFloats),
      wire: spec.wireDtype === 'bfloat16' ? at.halves(2 * homeKeyFloats) : null,
      parts: backward && modelKvHeads < degree
        ? Array.from({ length: degree }, () => ({ dk: at.floats(partFloats), dv: at.floats(partFloats) }))
        : [],
    },
  }
}

/** The size that an arena would have, whether or not it fits a memory. */
export function neededArenaBytes(spec: ArenaSpec, scratchBytes: number): number {
  const at = new Allotter(null)
  allot(spec, at)
  return at.bytes + align(scratchBytes)
}

/**
 * The size of an arena, without making one: tells a supervisor whether a run fits before it starts anything.
 * @throws ArenaTooLargeError
 */
export function arenaBytes(spec: ArenaSpec, scratchBytes: number): number {
  const totalBytes = neededArenaBytes(spec, scratchBytes)
  if (totalBytes > LARGEST_MEMORY_BYTES) throw new ArenaTooLargeError(totalBytes)
  return totalBytes
}

/**
 * Lays out a rank's buffers in one new shared memory.
 * @param scratchBytes what the backend asked for.
 * @throws ArenaTooLargeError
 */
export function createArena(spec: ArenaSpec, scratchBytes: number): RankArena {
  const pages = Math.ceil(arenaBytes(spec, scratchBytes) / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const at = new Allotter(memory.buffer)
  return { spec, memory, ...allot(spec, at), scratchByteOffset: at.bytes }
}
