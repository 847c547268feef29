import type { BackendId, RunConfig } from '../config/runConfig.ts'
import type { KeyRanges } from '../plan/keyRanges.ts'
import type { SpanCategory } from '../timeline/categories.ts'
import type { SpanFacts } from '../timeline/recorder.ts'
import type { RankArena } from './arena.ts'

/** Backends that can be asked for once `auto` is resolved. */
export type ConcreteBackendId = Exclude<BackendId, 'auto'>

/** The sizes of what one rank computes on: its heads and batch items, the tokens of its ring position. */
export interface RankShape {
  readonly batch: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Rows, padding included: the shard's, times the Ulysses degree. */
  readonly tokens: number
  readonly blockQ: number
  readonly blockK: number
}

/**
 * Queries and what belongs to them, float32, row-major: q, dOut, out, dq [batch, heads, tokens, headDim];
 * lse, delta [batch, heads, tokens]. Side 0 are the rank's own; others are of ranks that it helps, or receive what
 * helpers give back. `dOut`, `delta` and `dq` are empty where there is no backward pass.
 */
export interface QuerySide {
  readonly index: number
  readonly q: Float32Array
  readonly out: Float32Array
  readonly lse: Float32Array
  readonly dOut: Float32Array
  /** rowsum(dO o O). */
  readonly delta: Float32Array
  readonly dq: Float32Array
}

/** A K/V block: K then V, each float32 [batch, kvHeads, tokens, headDim]. */
export interface KvSlot {
  readonly k: Float32Array
  readonly v: Float32Array
  /** The same block as bfloat16, K then V, where that is how it travels. */
  readonly wire: Uint16Array | null
}

/** The gradient of a K/V block: dK then dV, shapes of {@link KvSlot}. */
export interface GradientSlot {
  readonly dk: Float32Array
  readonly dv: Float32Array
}

/** Takes a backend's spans; the rank loop has already bound iteration and step. */
export interface SpanSink {
  /** ns from the run's origin. Must run on: backends may wait by it. */
  now(): number
  record(category: Extract<SpanCategory, 'compute' | 'merge' | 'h2d' | 'd2h'>, startNs: number, endNs: number, facts?: SpanFacts): void
}

/** One step's block: the queries of a side against the K/V block in a slot. */
export interface BlockWork {
  readonly side: QuerySide
  readonly slot: KvSlot
  /** Local key rows each local query row attends to: one entry for all batch items, or one for each. */
  readonly ranges: readonly KeyRanges[]
  /** Floating point operations that the step's pairs stand for (skipped pairs not counted). */
  readonly flops: number
}

/** A block of a backward pass: takes q, dOut, lse and delta from the side. */
export interface GradientWork extends BlockWork {
  readonly gradient: GradientSlot
  /** True: dK and dV are overwritten. False: they are added to. */
  readonly fresh: boolean
}

/**
 * Computes attention block by block. A forward pass over a side is `begin`, `attend` once a block, `finish`; a backward
 * pass is `beginBackward`, `attendBackward` once a block, `finishBackward`. Passes over different sides may interleave.
 * Results do not depend on the order of blocks beyond rounding. Rows that attend to nothing end as exactly 0 with lse
 * -Infinity, and have and cause gradients of exactly 0: never NaN, whatever buffers held before.
 */
export interface AttentionBackend {
  readonly id: ConcreteBackendId
  /** What it computes on, for people: "wasm relaxed-SIMD, 1 thread". */
  readonly device: string
  /** False for `modelled`: outputs then hold nothing. */
  readonly computes: boolean
  /** Takes in the side's queries and clears its accumulators. */
  begin(side: QuerySide, spans: SpanSink): Promise<void>
  attend(work: BlockWork, spans: SpanSink): Promise<void>
  /** Joins a finished partial result over other keys, in `partial.out` and `partial.lse`, into the side's. Between begin and finish. */
  merge(side: QuerySide, partial: QuerySide, spans: SpanSink): Promise<void>
  /** Writes the normalised output to `side.out` and the log-sum-exp to `side.lse`. */
  finish(side: QuerySide, spans: SpanSink): Promise<void>
  /** Clears `side.dq`; for side 0 also writes `side.delta` from out and dOut (for others it came with the queries). */
  beginBackward(side: QuerySide, spans: SpanSink): Promise<void>
  /** Leaves dK and dV of the block in `work.gradient` before it returns. Formulas: reference section 2.2. */
  attendBackward(work: GradientWork, spans: SpanSink): Promise<void>
  /**
   * Adds what is gathered into `side.dq`, which is then the sum of all blocks since `beginBackward` and of whatever
   * others added to the array meanwhile.
   */
  finishBackward(side: QuerySide, spans: SpanSink): Promise<void>
  dispose(): Promise<void>
}

export interface BackendSetup {
  readonly shape: RankShape
  readonly arena: RankArena
  readonly config: RunConfig
  /** Folder that holds the compiled kernels (`attention.simd.wasm`, `attention.relaxed.wasm`). */
  readonly kernelsDir: string
}

/** A backend that cannot run here. The message says why and what to do. */
export class BackendUnavailableError extends Error {
  override readonly name = 'BackendUnavailableError'
  readonly backend: ConcreteBackendId
  constructor(backend: ConcreteBackendId, reason: string, options?: ErrorOptions) {
    super(`backend "${backend}" is not available: ${reason}`, options)
    this.backend = backend
  }
}
