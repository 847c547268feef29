import { join } from 'node:path'
import { createRequire } from 'node:module'
import type * as tfcore from '@tensorflow/tfjs-core'
import { parseRunConfig } from '../kernels/config/runConfig.ts'
import { createArena } from '../kernels/backends/arena.ts'
import type { AttentionBackend, BackendSetup, RankShape, SpanSink } from '../kernels/backends/backend.ts'
import { TfjsBackend } from '../kernels/backends/tfjs/backend.ts'
import type { TfRuntime } from '../kernels/backends/tfjs/tfcore.ts'
import { createWasmBackend, wasmScratchBytes } from '../kernels/backends/wasm/backend.ts'
import { loadKernel, type KernelBuild, type KernelExports } from '../kernels/backends/wasm/kernelModule.ts'
import { keyRanges } from '../kernels/plan/keyRanges.ts'

export interface Problem {
  readonly heads: number
  readonly tokens: number
  readonly headDim: number
  readonly mask: 'full' | 'causal'
}

/** One way of computing the same attention. */
export interface Candidate {
  readonly family: 'naive tfjs-wasm' | 'tiled tfjs-wasm' | 'fused simd' | 'fused relaxed'
  readonly tile: readonly [blockQ: number, blockK: number] | null
  readonly flops: number
  /** One whole pass; resolves to the output f32 [heads, tokens, headDim]. */
  run(): Promise<Float32Array>
  dispose(): Promise<void>
}

export const KERNELS_DIR = join(import.meta.dirname, '..', 'out', 'kernels')

const silent: SpanSink = { now: () => 0, record: () => undefined }

/** 4 H D times the pairs computed: two products of two operations each. */
export function attentionFlops({ heads, tokens, headDim, mask }: Problem): number {
  return 4 * heads * headDim * (mask === 'full' ? tokens * tokens : tokens * (tokens + 1) / 2)
}

function fillInputs(tensor: Float32Array, seed: number): void {
  let state = seed
  for (let i = 0; i < tensor.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    tensor[i] = state / 2 ** 31 - 1
  }
}

function setupOf(problem: Problem, blockQ: number, blockK: number): BackendSetup {
  const { heads, tokens, headDim, mask } = problem
  const shape: RankShape = { batch: 1, heads, kvHeads: heads, headDim, tokens, blockQ, blockK }
  const arena = createArena(shape, 1, wasmScratchBytes(shape))
  for (const [at, tensor] of [arena.q, arena.slots[0].k, arena.slots[0].v].entries()) fillInputs(tensor, at + 1)
  const config = parseRunConfig({ world: 1, seqLen: tokens, heads, headDim, mask, blockQ, blockK }, 'bench')
  return { shape, arena, config, kernelsDir: KERNELS_DIR }
}

function candidateOf(
  family: Candidate['family'], problem: Problem, setup: BackendSetup, backend: AttentionBackend,
): Candidate {
  const { arena, shape } = setup
  const positions = Int32Array.from({ length: shape.tokens }, (_, row) => row)
  const ranges = keyRanges(problem.mask, positions, positions, shape.tokens)
  const flops = attentionFlops(problem)
  return {
    family, flops, tile: [shape.blockQ, shape.blockK],
    async run() {
      await backend.begin(silent)
      await backend.attend({ slot: arena.slots[0], ranges, flops }, silent)
      await backend.finish(silent)
      return arena.out
    },
    dispose: () => backend.dispose(),
  }
}

export async function fusedCandidate(problem: Problem, build: KernelBuild, blockQ: number, blockK: number): Promise<Candidate> {
  const setup = setupOf(problem, blockQ, blockK)
  return candidateOf(`fused ${build}`, problem, setup, await createWasmBackend(setup, [build]))
}

export function tiledCandidate(problem: Problem, runtime: TfRuntime, blockQ: number, blockK: number): Candidate {
  const setup = setupOf(problem, blockQ, blockK)
  return candidateOf('tiled tfjs-wasm', problem, setup, new TfjsBackend(runtime, setup))
}

/**
 * As it is written down: matMul with transposeB, softmax, matMul, all heads and all rows in one piece. Full mask
 * only; Q is scaled beforehand, outside the measurement.
 */
export function naiveCandidate(problem: Problem): Candidate {
  const tf = createRequire(import.meta.url)('@tensorflow/tfjs-core') as typeof tfcore
  const { heads, tokens, headDim } = problem
  const { arena } = setupOf(problem, tokens, tokens)
  const tensor = (values: Float32Array): tfcore.Tensor3D => tf.tensor3d(new Float32Array(values), [heads, tokens, headDim])
  const scale = 1 / Math.sqrt(headDim)
  const [q, k, v] = [tensor(arena.q.map((value) => value * scale)), tensor(arena.slots[0].k), tensor(arena.slots[0].v)]
  return {
    family: 'naive tfjs-wasm', tile: null, flops: attentionFlops(problem),
    async run() {
      const out = tf.tidy(() => tf.matMul(tf.softmax(tf.matMul(q, k, false, true)), v))
      const values = await out.data()
      out.dispose()
      return values as Float32Array
    },
    async dispose() {
      tf.dispose([q, k, v])
    },
  }
}

/** The two matrix products of the fused kernel alone, on data that stays in the first-level cache. */
export async function microKernelRun(build: KernelBuild, headDim: number): Promise<{ flops: number; run(): void }> {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true })
  const { kernel }: { kernel: KernelExports } = await loadKernel(KERNELS_DIR, memory, [build])
  const KEYS = 48
  const CALLS = 200
  const [rescale, queries, keys, scores, output] = [4096, 65_536, 131_072, 196_608, 262_144]
  fillInputs(new Float32Array(memory.buffer, 0, 131_072), 1)
  return {
    flops: CALLS * 2 * 2 * 8 * KEYS * headDim,
    run() {
      new Float32Array(memory.buffer, rescale, 8).fill(0.5)
      for (let call = 0; call < CALLS; call++) {
        kernel.scoreStrip(queries, keys, KEYS, headDim, scores)
        kernel.foldStrip(rescale, scores, keys, KEYS, headDim, output)
      }
    },
  }
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i])
    if (!(difference <= largest)) largest = difference
  }
  return largest
}

