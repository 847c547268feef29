import { createRequire } from 'node:module'
import type * as webgpuBackend from '@tensorflow/tfjs-backend-webgpu'
import { activate, loadCore } from '../tfjs/runtimes.ts'
import type { TfRuntime } from '../tfjs/tfcore.ts'
import { openDawn, OTHER_KERNELS, WEBGPU_ID } from './dawn.ts'

// Through require, as the other tfjs backends: it must register with the same copy of tfjs-core.
const loadModule = createRequire(import.meta.url)

/**
 * tfjs's WebGPU backend on the adapter that the fused kernels would use: what they are compared with. Adds WebGPU to
 * the globals of this process, where tfjs expects it as in a page.
 * @throws BackendUnavailableError saying why and what to do
 */
export async function loadTfjsWebgpu(): Promise<TfRuntime> {
  const dawn = await openDawn(OTHER_KERNELS)
  const tf = loadCore()
  const { WebGPUBackend } = loadModule('@tensorflow/tfjs-backend-webgpu') as typeof webgpuBackend
  // Not before the package is loaded, which would then register a backend of its own, with the default limits.
  Object.assign(globalThis, dawn.globals)
  Object.defineProperty(globalThis.navigator, 'gpu', { value: dawn.gpu, configurable: true })
  // Small tensors would be computed on the CPU.
  tf.env().set('WEBGPU_CPU_FORWARD', false)
  if (tf.findBackendFactory(WEBGPU_ID) === null) {
    const { limits, features, info } = dawn.adapter
    const device = await dawn.adapter.requestDevice({
      requiredFeatures: features.has('timestamp-query') ? ['timestamp-query'] : [],
      requiredLimits: {
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
        maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
        maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxBufferSize: limits.maxBufferSize,
      },
    })
    tf.registerBackend(WEBGPU_ID, () => new WebGPUBackend(device, info))
  }
  await activate(tf, WEBGPU_ID, WEBGPU_ID)
  return { tf, id: WEBGPU_ID, device: `tfjs on ${dawn.device}`, transposesOnHost: false, batchesSlices: true, asynchronous: true }
}
