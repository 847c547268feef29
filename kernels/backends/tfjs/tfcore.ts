import type * as tfcore from '@tensorflow/tfjs-core'

/**
 * The part of a tfjs module that the generic kernel uses. It is handed in, never imported: ops must come from the very
 * copy of tfjs-core that the backend registered with, and the TensorFlow addon may bring its own.
 */
export type TfCore = Pick<typeof tfcore,
  | 'tidy' | 'keep' | 'dispose' | 'memory' | 'tensor3d' | 'tensor2d'
  | 'matMul' | 'softmax' | 'max' | 'maximum' | 'log' | 'exp' | 'add' | 'sub' | 'mul' | 'div' | 'slice' | 'reshape'>

export type Tensor = tfcore.Tensor
export type Tensor2D = tfcore.Tensor2D
export type Tensor3D = tfcore.Tensor3D

/** A ready tfjs backend, and what the kernel must know of it. */
export interface TfRuntime {
  readonly tf: TfCore
  readonly id: 'tfjs-wasm' | 'tfjs-cpu' | 'tensorflow' | 'webgpu'
  /** For people: "tfjs-wasm SIMD, 1 thread". */
  readonly device: string
  /**
   * Whether factors that a product takes transposed are laid out so on the host. matMul's own transpose flags are an
   * order of magnitude slower than a plain product on tfjs-wasm; where they are flags of the device's own matrix product
   * they are free.
   */
  readonly transposesOnHost: boolean
  /**
   * Whether one matMul of all key/value slices is as fast as one a slice. On tfjs-wasm only a product of a single slice
   * reaches the tuned kernel (XNNPACK); batches take a plain loop, an order of magnitude slower.
   */
  readonly batchesSlices: boolean
  /** Whether ops return before they are done, so that a result must be read before a clock is. */
  readonly asynchronous: boolean
}
