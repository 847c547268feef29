import type { BackendId, RunConfig } from '../config/runConfig.ts'
import type { KeyRanges } from '../plan/keyRanges.ts'
import type { SpanCategory } from '../timeline/categories.ts'
import type { SpanFacts } from '../timeline/recorder.ts'

/** Backends that can be asked for once `auto` is resolved. */
export type ConcreteBackendId = Exclude<BackendId, 'auto'>

/** The sizes of one rank's share of a run. c = tokens. */
export interface RankShape {
  readonly batch: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Local rows, padding included. */
  readonly tokens: number
  readonly blockQ: number
  readonly blockK: number
}

/**
 * One rank's buffers in one shared memory, so that the communication thread writes a received block where the kernel
 * reads it. All float32, row-major:
 * q, out [batch, heads, c, headDim]; lse [batch, heads, c];
 * a K/V slot is K then V, each [batch, kvHeads, c, headDim].
 */
export interface RankArena {
  /** Shared; the fused kernel imports it. */
  readonly memory: WebAssembly.Memory
  readonly q: Float32Array
  readonly out: Float32Array
  readonly lse: Float32Array
  readonly slots: readonly KvSlot[]
  /** Byte offset where a backend may keep its own accumulators and scratch, up to the end of the memory. */
  readonly scratchByteOffset: number
}

export interface KvSlot {
  readonly k: Float32Array
  readonly v: Float32Array
  /** K and V together, as they travel. */
  readonly bytes: Uint8Array
}

/** Takes a backend's spans; the rank loop has already bound iteration and step. */
export interface SpanSink {
  /** ns from the run's origin. Must run on: backends may wait by it. */
  now(): number
  record(category: Extract<SpanCategory, 'compute' | 'merge' | 'h2d' | 'd2h'>, startNs: number, endNs: number, facts?: SpanFacts): void
}

/** One ring step's work: all local queries against the K/V block in a slot. */
export interface BlockWork {
  readonly slot: KvSlot
  /** Local key rows each local query row attends to; both of length c. */
  readonly ranges: KeyRanges
  /** Floating point operations that the step's pairs stand for (skipped pairs not counted). */
  readonly flops: number
}

/**
 * Computes attention block by block. A pass is `begin`, `attend` once a ring step with work, `finish`.
 * Within a pass, a rank's output does not depend on the order of its blocks beyond rounding; rows that attend to
 * nothing end as 0 with lse -Infinity.
 */
export interface AttentionBackend {
  readonly id: ConcreteBackendId
  /** What it computes on, for people: "wasm relaxed-SIMD, 1 thread". */
  readonly device: string
  /** False for `modelled`: `out` then holds nothing. */
  readonly computes: boolean
  /** Takes in the queries in `arena.q` and clears the accumulators. */
  begin(spans: SpanSink): Promise<void>
  attend(work: BlockWork, spans: SpanSink): Promise<void>
  /** Writes the normalised output to `arena.out` and the log-sum-exp to `arena.lse`. */
  finish(spans: SpanSink): Promise<void>
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
