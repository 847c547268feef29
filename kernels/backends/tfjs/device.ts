import { threadCpuNs } from '../threadCpu.ts'
import type { Tensor, TfRuntime } from './tfcore.ts'

/** When a device is done, and what is on it. */
export class Device {
  readonly runtime: TfRuntime

  constructor(runtime: TfRuntime) {
    this.runtime = runtime
  }

  /**
   * Waits until the tensors are on the device. Backends put copying off until a tensor is first used, so each is used: an
   * element of it is taken, and the last of these elements read.
   */
  async uploaded(tensors: readonly Tensor[]): Promise<void> {
    if (!this.runtime.asynchronous || tensors.length === 0) return
    const elements = tensors.map((tensor) => this.#element(tensor))
    await elements[elements.length - 1].data()
    this.runtime.tf.dispose(elements)
  }

  /** Waits until `result` is there, and what was asked for before it: ops are carried out in order. */
  async computed(result: Tensor | undefined): Promise<void> {
    if (!this.runtime.asynchronous || result === undefined) return
    const element = this.#element(result)
    await element.data()
    element.dispose()
  }

  #element(tensor: Tensor): Tensor {
    const { tf } = this.runtime
    return tf.tidy(() => tf.slice(tf.reshape(tensor, [tensor.size]), [0], [1]))
  }

  /** Starts to count the CPU time of the computing thread; undefined where another one computes, or the engine does not tell. */
  startCpu(): () => number | undefined {
    const startNs = this.runtime.asynchronous ? undefined : threadCpuNs()
    return () => {
      const endNs = startNs === undefined ? undefined : threadCpuNs()
      return startNs === undefined || endNs === undefined ? undefined : endNs - startNs
    }
  }
}

/** A float32 tensor's values, to be read only: they may be the tensor's own storage. */
export const valuesOf = (tensor: Tensor): Promise<Float32Array> => tensor.data<'float32'>()

export const bytesOf = (tensors: readonly Tensor[]): number => tensors.reduce((bytes, { size }) => bytes + size * Float32Array.BYTES_PER_ELEMENT, 0)
