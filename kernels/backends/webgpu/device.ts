import type { BackendId } from '../../config/runConfig.ts'
import { openDawn, OWN_KERNELS, WEBGPU_ID } from './dawn.ts'
import { BackendUnavailableError } from '../backend.ts'
import type { KernelSource } from './forwardKernels.ts'
import { dispatchOf } from './wgsl.ts'

/** Bytes that are read back at a time, which is what the host's staging buffer takes. */
const READBACK_BYTES = 64 * 2 ** 20
const TIMESTAMP_BYTES = 16

// Numbers of the WebGPU specification; a page finds them in globals that are not there in Node.
const USAGE = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, uniform: 0x40, storage: 0x80, queryResolve: 0x200 }
const MAP_READ = 0x1

/** The device failed after it had been opened: lost, out of memory, or given something invalid. */
export class WebgpuDeviceError extends Error {
  override readonly name = 'WebgpuDeviceError'
  readonly backend = WEBGPU_ID satisfies BackendId
}

/** A kernel ready to run. */
export interface Kernel {
  readonly source: KernelSource
  readonly pipeline: GPUComputePipeline
}

/** A kernel with the buffers it is to run on, by the names of its bindings. */
export interface Launch {
  readonly kernel: Kernel
  readonly buffers: Readonly<Record<string, GPUBuffer>>
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).trim().split('\n')[0]

/**
 * Between two times of the device's clock, ns; null where they do not ascend, which the specification allows: the clock may
 * be reset between them.
 */
export const elapsedNs = (begin: bigint, end: bigint): number | null => (end > begin ? Number(end - begin) : null)

/** A WebGPU device as the kernels use it: buffers, copies and launches, each awaited until it is over. */
export class WebgpuDevice {
  /** For people, and whether it is hardware. */
  readonly name: string
  readonly hardware: boolean
  readonly workgroupBytes: number
  readonly #device: GPUDevice
  readonly #timer: { readonly queries: GPUQuerySet; readonly resolved: GPUBuffer } | null
  readonly #staging: GPUBuffer
  #fault: string | null = null

  /** @throws BackendUnavailableError */
  static async open(): Promise<WebgpuDevice> {
    const { adapter, device, hardware } = await openDawn(OWN_KERNELS)
    const { limits, features } = adapter
    try {
      const opened = await adapter.requestDevice({
        requiredFeatures: features.has('timestamp-query') ? ['timestamp-query'] : [],
        requiredLimits: {
          maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
          maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
          maxBufferSize: limits.maxBufferSize,
        },
      })
      return new WebgpuDevice(opened, device, hardware)
    } catch (error) {
      throw new BackendUnavailableError(WEBGPU_ID, `${device} gives no device: ${messageOf(error)}`, { cause: error })
    }
  }

  private constructor(device: GPUDevice, name: string, hardware: boolean) {
    this.name = name
    this.hardware = hardware
    this.#device = device
    this.workgroupBytes = device.limits.maxComputeWorkgroupStorageSize
    device.addEventListener('uncapturederror', (event) => { this.#fault ??= messageOf(event.error) })
    void device.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') this.#fault ??= `the device was lost: ${message}`
    })
    this.#staging = device.createBuffer({ label: 'readback', size: READBACK_BYTES, usage: USAGE.mapRead | USAGE.copyDst })
    this.#timer = device.features.has('timestamp-query')
      ? {
          queries: device.createQuerySet({ type: 'timestamp', count: 2 }),
          resolved: device.createBuffer({ label: 'timestamps', size: TIMESTAMP_BYTES, usage: USAGE.queryResolve | USAGE.copySrc }),
        }
      : null
  }

  /**
   * A buffer that kernels read and write, filled with zeros.
   * @throws BackendUnavailableError where the adapter binds no buffer of that size, or has no memory left for it
   */
  async buffer(label: string, bytes: number): Promise<GPUBuffer> {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize)
    const mebibytes = (count: number): string => `${(count / 2 ** 20).toFixed(0)} MiB`
    const fewer = 'use more ranks, a shorter sequence, a smaller batch or fewer heads'
    if (bytes > most) {
      throw new BackendUnavailableError(WEBGPU_ID, `${label} takes ${mebibytes(bytes)}, and ${this.name} binds at most ${mebibytes(most)}: ${fewer}`)
    }
    this.#device.pushErrorScope('out-of-memory')
    const buffer = this.#device.createBuffer({ label, size: bytes, usage: USAGE.storage | USAGE.copySrc | USAGE.copyDst })
    const error = await this.#device.popErrorScope()
    if (error !== null) {
      throw new BackendUnavailableError(WEBGPU_ID, `${this.name} has no ${mebibytes(bytes)} left for ${label}: ${fewer}`)
    }
    return buffer
  }

  /** Four numbers that kernels read. */
  uniforms(): GPUBuffer {
    return this.#device.createBuffer({ label: 'params', size: 16, usage: USAGE.uniform | USAGE.copyDst })
  }

  async compile(source: KernelSource): Promise<Kernel> {
    const module = this.#device.createShaderModule({ label: source.label, code: source.code })
    try {
      const pipeline = await this.#device.createComputePipelineAsync({ label: source.label, layout: 'auto', compute: { module, entryPoint: 'main' } })
      return { source, pipeline }
    } catch (error) {
      const { messages } = await module.getCompilationInfo()
      const reason = messages.find(({ type }) => type === 'error')?.message ?? messageOf(error)
      throw new WebgpuDeviceError(`${this.name} does not take the kernel "${source.label}": ${reason}`, { cause: error })
    }
  }

  /** Copies out of the host's memory, which may be written again at once. Call `fence` before a clock is read. */
  upload(buffer: GPUBuffer, values: ArrayBufferView): void {
    this.#device.queue.writeBuffer(buffer, 0, values as ArrayBufferView<ArrayBuffer>)
  }

  /** Fills a buffer with zeros. */
  clear(buffer: GPUBuffer): void {
    const encoder = this.#device.createCommandEncoder()
    encoder.clearBuffer(buffer)
    this.#device.queue.submit([encoder.finish()])
  }

  /** Resolves when everything submitted so far is over. */
  async fence(): Promise<void> {
    await this.#surely(this.#device.queue.onSubmittedWorkDone())
  }

  /**
   * Runs kernels one after another and resolves when they are over.
   * @returns how long they took by the device's clock in ns, null where it has none
   */
  async run(launches: readonly Launch[]): Promise<number | null> {
    const timer = this.#timer
    const encoder = this.#device.createCommandEncoder()
    const pass = encoder.beginComputePass(timer === null
      ? {}
      : { timestampWrites: { querySet: timer.queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } })
    for (const { kernel: { source, pipeline }, buffers } of launches) {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, this.#device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: source.bindings.map((name, binding) => ({ binding, resource: { buffer: buffers[name] } })),
      }))
      pass.dispatchWorkgroups(...dispatchOf(source.workgroups))
    }
    pass.end()
    if (timer === null) {
      this.#device.queue.submit([encoder.finish()])
      await this.fence()
      return null
    }
    encoder.resolveQuerySet(timer.queries, 0, 2, timer.resolved, 0)
    encoder.copyBufferToBuffer(timer.resolved, 0, this.#staging, 0, TIMESTAMP_BYTES)
    this.#device.queue.submit([encoder.finish()])
    const [begin, end] = await this.#readStaging(TIMESTAMP_BYTES, (bytes) => [...new BigInt64Array(bytes)])
    return elapsedNs(begin, end)
  }

  /** Hands out a buffer's first `floats` float32 values, a part at a time, as views that do not outlive the call. */
  async download(buffer: GPUBuffer, floats: number, take: (values: Float32Array, from: number) => void): Promise<void> {
    const most = READBACK_BYTES / 4
    for (let from = 0; from < floats; from += most) {
      const bytes = 4 * Math.min(most, floats - from)
      const encoder = this.#device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffer, 4 * from, this.#staging, 0, bytes)
      this.#device.queue.submit([encoder.finish()])
      await this.#readStaging(bytes, (part) => { take(new Float32Array(part), from) })
    }
  }

  async destroy(): Promise<void> {
    this.#device.destroy()
    await this.#device.lost
  }

  async #readStaging<T>(bytes: number, read: (bytes: ArrayBuffer) => T): Promise<T> {
    await this.#surely(this.#staging.mapAsync(MAP_READ, 0, bytes))
    try {
      return read(this.#staging.getMappedRange(0, bytes))
    } finally {
      this.#staging.unmap()
    }
  }

  /** Errors of WebGPU's commands come apart from their promises: what has gone wrong by now is thrown here. */
  async #surely(done: Promise<unknown>): Promise<void> {
    let rejection: unknown = null
    try {
      await done
    } catch (error) {
      rejection = error
    }
    const fault = this.#fault ?? (rejection === null ? null : messageOf(rejection))
    if (fault !== null) throw new WebgpuDeviceError(`${this.name}: ${fault}`, { cause: rejection ?? undefined })
  }
}
