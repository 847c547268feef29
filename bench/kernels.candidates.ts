import { join } from 'node:path'
import type * as tfcore from '@tensorflow/tfjs-core'
import { parseRunConfig } from '../kernels/config/runConfig.ts'
import { computeSpec, createArena } from '../kernels/backends/arena.ts'
import type { AttentionBackend, BackendSetup, BlockWork, ConcreteBackendId, RankShape, SpanSink } from '../kernels/backends/backend.ts'
import { createBackend, scratchBytes } from '../kernels/backends/create.ts'
import { loadCore } from '../kernels/backends/tfjs/runtimes.ts'
import { createWasmBackend } from '../kernels/backends/wasm/backend.ts'
import { loadKernel, type KernelBuild } from '../kernels/backends/wasm/kernelModule.ts'
import { keyRanges } from '../kernels/plan/keyRanges.ts'

export const PASSES = ['forward', 'backward'] as const
export type Pass = (typeof PASSES)[number]

export interface Problem {
  readonly heads: number
  readonly tokens: number
  readonly headDim: number
  readonly mask: 'full' | 'causal'
}

export type Tile = readonly [blockQ: number, blockK: number]

/** One thing to time. */
export interface Candidate {
  readonly name: string
  readonly flops: number
  run(): unknown
}

/** The same attention, some way of computing it. */
export interface Attention {
  readonly device: string
  readonly passes: Readonly<Record<Pass, Candidate>>
  /** What the passes leave: the output f32 [heads, tokens, headDim]; dQ, dK and dV of the same shape. Valid until the next pass. */
  results(): Promise<Readonly<Record<Pass, readonly Float32Array[]>>>
  dispose(): Promise<void>
}

export const KERNELS_DIR = join(import.meta.dirname, '..', 'out', 'kernels')

const silent: SpanSink = { now: () => Number(process.hrtime.bigint()), record: () => undefined }

/** Two products of two operations each, in a backward pass five: times heads, headDim and the pairs computed. */
export function attentionFlops({ heads, tokens, headDim, mask }: Problem, pass: Pass): number {
  return (pass === 'forward' ? 4 : 10) * heads * headDim * (mask === 'full' ? tokens * tokens : tokens * (tokens + 1) / 2)
}

function fillInputs(tensor: Float32Array, seed: number): void {
  let state = seed
  for (let i = 0; i < tensor.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    tensor[i] = state / 2 ** 31 - 1
  }
}

function setupOf(id: ConcreteBackendId, problem: Problem, [blockQ, blockK]: Tile): BackendSetup {
  const { heads, tokens, headDim, mask } = problem
  const shape: RankShape = { batch: 1, heads, kvHeads: heads, headDim, tokens, blockQ, blockK }
  const spec = computeSpec(shape, true)
  const arena = createArena(spec, scratchBytes(id, spec))
  const { sides: [side], kv: [slot] } = arena
  for (const [at, tensor] of [side.q, slot.k, slot.v, side.dOut].entries()) fillInputs(tensor, at + 1)
  const config = parseRunConfig({ world: 1, seqLen: tokens, heads, headDim, mask, blockQ, blockK, pass: 'forward-backward' }, 'bench')
  return { shape, arena, config, kernelsDir: KERNELS_DIR }
}

async function attentionOf(name: string, problem: Problem, { arena, config }: BackendSetup, backend: AttentionBackend): Promise<Attention> {
  const { sides: [side], kv: [slot], dkv: [gradient] } = arena
  const positions = Int32Array.from({ length: problem.tokens }, (_, row) => row)
  const work: BlockWork = { side, slot, ranges: [keyRanges(config, 0, positions, positions)], flops: 0 }
  const forward = async (): Promise<void> => {
    await backend.begin(side, silent)
    await backend.attend(work, silent)
    await backend.finish(side, silent)
  }
  const backward = async (): Promise<void> => {
    await backend.beginBackward(side, silent)
    await backend.attendBackward({ ...work, gradient, fresh: true }, silent)
    await backend.finishBackward(side, silent)
  }
  // A backward pass starts from what a forward pass left.
  await forward()
  return {
    device: backend.device,
    passes: {
      forward: { name, flops: attentionFlops(problem, 'forward'), run: forward },
      backward: { name, flops: attentionFlops(problem, 'backward'), run: backward },
    },
    results: () => Promise.resolve({ forward: [side.out], backward: [side.dq, gradient.dk, gradient.dv] }),
    dispose: () => backend.dispose(),
  }
}

export async function fusedAttention(problem: Problem, build: KernelBuild, tile: Tile): Promise<Attention> {
  const setup = setupOf('wasm', problem, tile)
  return attentionOf(`fused ${build} ${tile.join(' x ')}`, problem, setup, await createWasmBackend(setup, [build]))
}

/** The same with scores so large that the kernel has to look for their maximum. */
export async function fusedLargeScores(problem: Problem, build: KernelBuild, tile: Tile): Promise<Attention> {
  const setup = setupOf('wasm', problem, tile)
  const { q } = setup.arena.sides[0]
  q.forEach((value, at) => { q[at] = 100 * value })
  return attentionOf(`fused ${build}, scores of hundreds`, problem, setup, await createWasmBackend(setup, [build]))
}

/** A backend as a rank makes it. @throws BackendUnavailableError */
export async function backendAttention(id: ConcreteBackendId, problem: Problem, tile: Tile): Promise<Attention> {
  const setup = setupOf(id, problem, tile)
  return attentionOf(`${id} ${tile.join(' x ')}`, problem, setup, await createBackend(id, setup))
}

/**
 * As it is written down: all heads and all rows of every product in one piece. Full mask only; Q is scaled beforehand, outside
 * the measurement. The backward pass makes the weights again, as the others do, and with flags where matMul has them.
 * On tfjs's current backend.
 */
export async function naiveAttention(problem: Problem): Promise<Attention> {
  const tf = loadCore()
  const { heads, tokens, headDim } = problem
  const { sides: [side], kv: [slot] } = setupOf('tfjs-wasm', problem, [tokens, tokens]).arena
  const tensor = (values: Float32Array): tfcore.Tensor3D => tf.tensor3d(new Float32Array(values), [heads, tokens, headDim])
  const scale = 1 / Math.sqrt(headDim)
  const [q, k, v, dOut] = [tensor(side.q.map((value) => value * scale)), tensor(slot.k), tensor(slot.v), tensor(side.dOut)]
  const weights = (): tfcore.Tensor3D => tf.softmax(tf.matMul(q, k, false, true))
  const read = async (tensors: readonly tfcore.Tensor[]): Promise<Float32Array[]> => {
    const values = await Promise.all(tensors.map((each) => each.data<'float32'>()))
    const copies = values.map((each) => each.slice())
    tf.dispose([...tensors])
    return copies
  }
  const forward = (): Promise<Float32Array[]> => read([tf.tidy(() => tf.matMul(weights(), v))])
  const [out] = await forward()
  const output = tensor(out)
  const backward = (): Promise<Float32Array[]> => read(tf.tidy(() => {
    const p = weights()
    const dv = tf.matMul(p, dOut, true, false)
    const dp = tf.matMul(dOut, v, false, true)
    const ds = tf.mul(p, tf.sub(dp, tf.sum(tf.mul(dOut, output), -1, true)))
    return [tf.mul(tf.matMul(ds, k), scale), tf.matMul(ds, q, true, false), dv]
  }))
  const name = 'naive tfjs-wasm'
  return {
    device: name,
    passes: {
      forward: { name, flops: attentionFlops(problem, 'forward'), run: forward },
      backward: { name, flops: attentionFlops(problem, 'backward'), run: backward },
    },
    results: async () => ({ forward: await forward(), backward: await backward() }),
    async dispose() {
      tf.dispose([q, k, v, dOut, output])
    },
  }
}

/** A kernel on a memory of its own, with numbers in it. */
async function bareKernel(build: KernelBuild) {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true })
  const { kernel } = await loadKernel(KERNELS_DIR, memory, [build])
  fillInputs(new Float32Array(memory.buffer), 1)
  return { memory, kernel }
}

/** Multiply-adds between registers alone: what the instructions of a build can do here. */
export async function peakCandidate(build: KernelBuild): Promise<Candidate> {
  const ROUNDS = 200_000
  const OPERATIONS = 96
  const { memory, kernel } = await bareKernel(build)
  const at = 4096
  // A factor below 1 and a term: the chains settle, far from infinity and from subnormals.
  new Float32Array(memory.buffer, at, 8).fill(0.5)
  return { name: `peak of ${build}: registers only`, flops: ROUNDS * OPERATIONS, run: () => { kernel.multiplyAdds(ROUNDS, at) } }
}

/** The matrix products of a pass of the fused kernel alone, as often as it uses each, on data that stays in the first-level cache. */
export async function microKernelCandidates(build: KernelBuild, headDim: number): Promise<Readonly<Record<Pass, Candidate>>> {
  const { memory, kernel } = await bareKernel(build)
  const LANES = 8
  const KEYS = 48
  const STRIPS = 6
  const CALLS = 50
  const [bias, edge, spans, queries, keys, scores, output, weights, panels, gradients] =
    [4096, 8192, 12_288, 65_536, 131_072, 196_608, 262_144, 327_680, 393_216, 458_752]
  const weightBytes = KEYS * LANES * 4 + 64
  new Int32Array(memory.buffer, spans, 2 * STRIPS).set(Array.from({ length: STRIPS }, () => [0, KEYS]).flat())
  const strips = Array.from({ length: STRIPS }, (_, strip) => strip)
  const zero = (at: number, floats: number): void => { new Float32Array(memory.buffer, at, floats).fill(0) }
  const score = (): void => { kernel.scoreStrip(bias, queries, keys, KEYS, headDim, scores) }
  const fold = (): void => { kernel.foldStrip(weights, keys, KEYS, headDim, output) }
  const gradient = (): void => {
    kernel.gradientTile(weights, weightBytes, STRIPS, spans, panels, STRIPS * LANES * LANES * 4, KEYS, headDim, gradients, edge)
  }
  const candidate = (products: number, call: () => void): Candidate => ({
    name: `micro-kernels of ${build}`,
    flops: CALLS * products * 2 * STRIPS * LANES * KEYS * headDim,
    run() {
      // The accumulators would grow without end.
      zero(output, LANES * headDim)
      zero(gradients, KEYS * headDim)
      for (let done = 0; done < CALLS; done++) call()
    },
  })
  return {
    forward: candidate(2, () => { for (const _ of strips) { score(); fold() } }),
    backward: candidate(5, () => { for (const _ of strips) { score(); score(); fold() } gradient(); gradient() }),
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
