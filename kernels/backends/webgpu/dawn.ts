import type { ConcreteBackendId } from '../backend.ts'
import { BackendUnavailableError } from '../backend.ts'
import { findVulkan, installVulkan } from './vulkan.ts'

export const WEBGPU_ID = 'webgpu' satisfies ConcreteBackendId
/** Exact times of kernels: without it Dawn rounds them to 0.1 ms. */
const EXACT_TIMES = 'disable-dawn-features=timestamp_quantization'
/**
 * For kernels that write workgroup memory before they read it: Dawn else fills it with zeros first, in code that takes
 * a software adapter tens of seconds to compile.
 */
export const OWN_KERNELS: readonly string[] = [EXACT_TIMES, 'enable-dawn-features=disable_workgroup_init']
export const OTHER_KERNELS: readonly string[] = [EXACT_TIMES]
/** The adapter to ask for: hardware goes before software, a discrete GPU before an integrated one. */
export const ADAPTER_OPTIONS = { powerPreference: 'high-performance' } as const

/** What a GPU needs. */
export const GPU_DRIVER_REMEDY = process.platform === 'linux'
  ? 'install its Vulkan driver and the package libvulkan1' : 'update the driver of the graphics card'
export const WEBGPU_REMEDY = process.platform === 'linux'
  ? `for a GPU, ${GPU_DRIVER_REMEDY}; without one, installing Chromium brings a software adapter` : GPU_DRIVER_REMEDY

/** What an adapter says of itself, as far as it is used here. */
export interface AdapterFacts {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly isFallbackAdapter: boolean
}

const SOFTWARE_MARK = ' (software)'

/** An adapter's name for people: "WebGPU, nvidia-h200". One that computes on the CPU says so. */
export function describeAdapter({ vendor, architecture, device, isFallbackAdapter }: AdapterFacts): string {
  const clean = (text: string): string => text.replaceAll(/^-+|-+$/g, '')
  const name = clean(device === '' ? architecture : device)
  const full = [name.startsWith(vendor) ? '' : vendor, name].filter((part) => part !== '').join(' ')
  return `WebGPU, ${full === '' ? 'unnamed adapter' : full}${isFallbackAdapter ? SOFTWARE_MARK : ''}`
}

/** Whether a device described by {@link describeAdapter} is hardware. */
export const isHardwareDevice = (device: string): boolean => !device.endsWith(SOFTWARE_MARK)

/**
 * Dawn's instances, by their flags. They must never be collected: devices, buffers and promises that outlive theirs use
 * memory that is no longer there.
 */
const instances = new Map<string, GPU>()

/** Dawn in this process, and the adapter it would compute on. */
export interface Dawn {
  readonly gpu: GPU
  readonly adapter: GPUAdapter
  /** Constructors and constants that a page would find among its globals. */
  readonly globals: object
  readonly device: string
  readonly hardware: boolean
}

/**
 * Loads Dawn and chooses an adapter. Only in a process that may crash: native code, and drivers beneath it.
 * @param flags how Dawn is to treat kernels: {@link OWN_KERNELS} or {@link OTHER_KERNELS}
 * @throws BackendUnavailableError saying why and what to do
 */
export async function openDawn(flags: readonly string[]): Promise<Dawn> {
  const unavailable = (reason: string, cause?: unknown): BackendUnavailableError =>
    new BackendUnavailableError(WEBGPU_ID, `${reason}; ${WEBGPU_REMEDY}`, { cause })

  const vulkanProblem = installVulkan(findVulkan())
  if (vulkanProblem !== null) throw unavailable(`there is no Vulkan loader (${vulkanProblem})`)
  const { create, globals } = await import('webgpu').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new BackendUnavailableError(WEBGPU_ID, `Dawn does not load (${reason}); run "npm ci" on a platform that it is built for`, { cause: error })
  })
  const key = flags.join()
  const gpu = instances.get(key) ?? create([...flags])
  instances.set(key, gpu)
  const adapter = await gpu.requestAdapter(ADAPTER_OPTIONS)
  if (adapter === null) throw unavailable('Dawn finds no adapter')
  const { info } = adapter
  return { gpu, adapter, globals, device: describeAdapter(info), hardware: !info.isFallbackAdapter }
}
