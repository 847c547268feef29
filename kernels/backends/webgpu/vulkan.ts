import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

const LOADER = 'libvulkan.so.1'
const SOFTWARE_DRIVER = 'vk_swiftshader_icd.json'
/** glibc's and musl's RTLD_NODELETE, which Node has no name for, with RTLD_LAZY. */
export const LOAD_AND_KEEP = 0x1000 | 1

/** Where Chromium and its kin keep a Vulkan loader and SwiftShader, a Vulkan driver that computes on the CPU. */
const BROWSER_FOLDERS = [
  '/usr/lib/chromium', '/usr/lib64/chromium-browser', '/usr/lib/chromium-browser', '/opt/google/chrome', '/opt/microsoft/msedge',
]

/** What finding Vulkan asks of the system; replaced in tests. */
export interface VulkanSystem {
  readonly platform: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The Electron that this process runs in, if it does: its folder has a loader and SwiftShader as well. */
  readonly electronFolder: string | null
  readonly exists: (path: string) => boolean
}

const thisSystem = (): VulkanSystem => ({
  platform: process.platform, env: process.env, exists: existsSync,
  electronFolder: process.versions.electron === undefined ? null : dirname(process.execPath),
})

/** What to give Dawn so that it finds an adapter on Linux. Nothing is needed elsewhere, where it does not use Vulkan. */
export interface VulkanSetup {
  /** Loaders to load, the first that there is: the system's own, then one that came with a browser. */
  readonly loaders: readonly string[]
  /** Drivers beside those that the system names. A hardware adapter goes before theirs. */
  readonly env: Readonly<Record<string, string>>
}

/** Finds a Vulkan loader and a software driver; reads names of files and loads nothing. */
export function findVulkan(system: VulkanSystem = thisSystem()): VulkanSetup {
  if (system.platform !== 'linux') return { loaders: [], env: {} }
  const { CHROMIUM_PATH, VK_ADD_DRIVER_FILES } = system.env
  const folders = [
    ...(CHROMIUM_PATH === undefined ? [] : [dirname(CHROMIUM_PATH)]),
    ...(system.electronFolder === null ? [] : [system.electronFolder]),
    ...BROWSER_FOLDERS,
  ]
  const firstOf = (name: string): string | undefined => folders.map((folder) => join(folder, name)).find(system.exists)
  const loader = firstOf(LOADER)
  const driver = firstOf(SOFTWARE_DRIVER)
  return {
    loaders: loader === undefined ? [LOADER] : [LOADER, loader],
    env: driver === undefined || VK_ADD_DRIVER_FILES !== undefined ? {} : { VK_ADD_DRIVER_FILES: driver },
  }
}

/**
 * Makes what {@link findVulkan} found known to this process: sets the variables, and keeps a loader in memory, where
 * Dawn's own search by name finds it, wherever its file lies.
 * @returns null, or why no loader could be loaded
 */
export function installVulkan(setup: VulkanSetup): string | null {
  Object.assign(process.env, setup.env)
  let problem: string | null = null
  for (const loader of setup.loaders) {
    try {
      process.dlopen({ exports: {} }, loader, LOAD_AND_KEEP)
      return null
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      // The library is there and stays; only it is no addon.
      if (message.includes('did not self-register')) return null
      problem ??= message
    }
  }
  return problem
}
