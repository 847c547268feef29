import { describe, expect, it } from 'vitest'
import { describeAdapter, isHardwareDevice } from './dawn.ts'
import { elapsedNs } from './device.ts'
import { packIntervals } from './keyIntervals.ts'
import { probeOf, probeWebgpu } from './probe.ts'
import { DeviceRows } from './rows.ts'
import { chooseTiling } from './tiling.ts'
import { findVulkan, type VulkanSystem } from './vulkan.ts'
import { dispatchOf, rangeLayout } from './wgsl.ts'

const shape = { batch: 2, heads: 2, kvHeads: 1, headDim: 64, tokens: 100, blockQ: 64, blockK: 64 }

describe('finding Vulkan', () => {
  const system = (files: readonly string[], over: Partial<VulkanSystem> = {}): VulkanSystem =>
    ({ platform: 'linux', env: {}, electronFolder: null, exists: (path) => files.includes(path), ...over })

  it('takes the loader of the system, and nothing else where no browser is', () => {
    expect(findVulkan(system([]))).toEqual({ loaders: ['libvulkan.so.1'], env: {} })
  })

  it('takes a loader and a software driver that came with Chromium or Electron, behind those of the system', () => {
    expect(findVulkan(system(['/usr/lib/chromium/libvulkan.so.1', '/usr/lib/chromium/vk_swiftshader_icd.json']))).toEqual({
      loaders: ['libvulkan.so.1', '/usr/lib/chromium/libvulkan.so.1'], env: { VK_ADD_DRIVER_FILES: '/usr/lib/chromium/vk_swiftshader_icd.json' },
    })
    expect(findVulkan(system(['/app/libvulkan.so.1'], { electronFolder: '/app' })).loaders).toEqual(['libvulkan.so.1', '/app/libvulkan.so.1'])
    expect(findVulkan(system(['/chrome/libvulkan.so.1'], { env: { CHROMIUM_PATH: '/chrome/chrome' } })).loaders).toContain('/chrome/libvulkan.so.1')
  })

  it('leaves drivers alone that the user named, and systems that have no Vulkan', () => {
    const files = ['/usr/lib/chromium/vk_swiftshader_icd.json']
    expect(findVulkan(system(files, { env: { VK_ADD_DRIVER_FILES: '/mine.json' } })).env).toEqual({})
    expect(findVulkan(system(files, { platform: 'darwin' }))).toEqual({ loaders: [], env: {} })
  })
})

describe('an adapter', () => {
  const facts = { vendor: 'nvidia', architecture: 'hopper', device: 'nvidia-h200', isFallbackAdapter: false }

  it('is named for people, once, and as software where it is', () => {
    expect(describeAdapter(facts)).toBe('WebGPU, nvidia-h200')
    expect(describeAdapter({ ...facts, vendor: 'apple', device: '', architecture: 'metal-3' })).toBe('WebGPU, apple metal-3')
    expect(describeAdapter({ vendor: '', architecture: '', device: '', isFallbackAdapter: false })).toBe('WebGPU, unnamed adapter')
    const software = describeAdapter({ vendor: 'google', architecture: 'swiftshader', device: 'swiftshader-device-subzero-', isFallbackAdapter: true })
    expect(software).toBe('WebGPU, google swiftshader-device-subzero (software)')
    expect([isHardwareDevice(software), isHardwareDevice('WebGPU, nvidia-h200')]).toEqual([false, true])
  })

  it('is what a probing process says it is', () => {
    const said = (answer: unknown): string => `noise\nringscope-webgpu-adapter=${JSON.stringify(answer)}\n`
    expect(probeOf(said(facts), '', null)).toEqual({ available: true, device: 'WebGPU, nvidia-h200', hardware: true })
    expect(probeOf(said(null), '', null)).toMatchObject({ available: false, reason: expect.stringContaining('finds no adapter') as string })
    expect(probeOf('', 'Error: cannot open dawn.node\n', new Error('exit code 1')))
      .toEqual({ available: false, reason: 'Dawn does not start: Error: cannot open dawn.node' })
    expect(probeOf('', '', new Error('Command failed'))).toEqual({ available: false, reason: 'Dawn does not start: Command failed' })
  })

  it('is probed once, in a process of its own', async () => {
    const found = await probeWebgpu()
    if (found.available) expect(found.device).toMatch(/^WebGPU, /)
    else expect(found.reason).toMatch(/Dawn/)
    expect(probeWebgpu()).toBe(probeWebgpu())
  })
})

describe('a tiling', () => {
  it('is as large as asked for, as far as workgroup memory and registers allow', () => {
    const rows = (wanted: number, over: Partial<typeof shape>, accumulated = 1, bytes = 32_768): number | undefined =>
      chooseTiling({ ...shape, ...over }, wanted, accumulated, true, bytes)?.rows
    expect([64, 500, 63, 16, 3].map((wanted) => rows(wanted, {}))).toEqual([64, 64, 32, 16, 16])
    // The least that WebGPU promises.
    expect([1, 64, 128, 512].map((headDim) => rows(64, { headDim }, 1, 16_384))).toEqual([16, 16, 16, 16])
    expect([64, 128, 256, 512].map((headDim) => rows(64, { headDim }, 2))).toEqual([64, 64, 32, 16])
  })

  it('fits what it was given for every head dimension', () => {
    for (let headDim = 1; headDim <= 512; headDim++) {
      for (const bytes of [16_384, 32_768, 65_536]) {
        const tiling = chooseTiling({ ...shape, headDim }, 64, 2, true, bytes)
        expect(tiling?.workgroupBytes).toBeLessThanOrEqual(bytes)
        expect((tiling?.stagedRows ?? 0) * Math.ceil(headDim / 4)).toBeLessThanOrEqual(tiling?.stagedVec4s ?? 0)
      }
    }
  })

  it('is refused where not even the smallest fits', () => {
    expect(chooseTiling({ ...shape, headDim: 512 }, 64, 1, true, 8192)).toBeNull()
  })
})

describe('key ranges for the device', () => {
  it('come with the least interval of every tile of columns and of rows, for each batch item', () => {
    const tokens = 100
    const causal = { from: new Int32Array(tokens), to: Int32Array.from({ length: tokens }, (_, row) => row + 1) }
    const few = { from: new Int32Array(tokens).fill(9), to: Int32Array.from({ length: tokens }, (_, row) => (row === 70 ? 12 : 3)) }
    const { packed, empty } = packIntervals([causal, few], shape, 32)
    const { columns, rows } = rangeLayout(2, shape, 32)
    const entries = (first: number, count: number): number[] => [...packed.subarray(2 * first, 2 * (first + count))]
    expect(entries(99, 2)).toEqual([0, 100, 9, 3])
    expect(entries(columns.first, 4)).toEqual([0, 64, 0, 100, 0, 0, 9, 12])
    expect(entries(rows.first, 8)).toEqual([0, 32, 0, 64, 0, 96, 0, 100, 0, 0, 0, 0, 9, 12, 0, 0])
    expect(empty).toBe(false)
  })

  it('say when there is no pair at all', () => {
    expect(packIntervals([{ from: new Int32Array(100).fill(5), to: new Int32Array(100).fill(5) }], shape, 16).empty).toBe(true)
  })
})

describe('rows for the device', () => {
  it('are the tensor itself where 4 divides headDim', () => {
    const tensor = new Float32Array(24)
    expect(new DeviceRows(8).toDevice(tensor)).toBe(tensor)
  })

  it('are filled up with zeros, and come back in parts that begin anywhere', () => {
    const rows = new DeviceRows(3)
    const wide = rows.toDevice(Float32Array.of(1, 2, 3, 4, 5, 6))
    expect([...wide]).toEqual([1, 2, 3, 0, 4, 5, 6, 0])
    const back = new Float32Array(6).fill(10)
    rows.fromDevice(wide.subarray(0, 5), 0, back, 'set')
    rows.fromDevice(wide.subarray(5), 5, back, 'add')
    expect([...back]).toEqual([1, 2, 3, 4, 15, 16])
  })

  it('are added in the right place also where nothing is filled up', () => {
    const back = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 1)
    new DeviceRows(4).fromDevice(Float32Array.of(1, 2, 3), 5, back, 'add')
    expect([...back]).toEqual([1, 1, 1, 1, 1, 2, 3, 4])
  })
})

describe('a dispatch', () => {
  it('has as many workgroups as there are, within the limit of each dimension', () => {
    expect(dispatchOf(7)).toEqual([7, 1])
    const [x, y] = dispatchOf(4_000_000)
    expect(x).toBeLessThanOrEqual(65_535)
    expect(x * y).toBeGreaterThanOrEqual(4_000_000)
  })
})

it('a device\'s clock that runs backwards tells nothing', () => {
  expect([elapsedNs(5n, 12n), elapsedNs(12n, 5n), elapsedNs(0n, 0n)]).toEqual([7, null, null])
})
