import { describe, expect, test } from 'vitest'
import type { CommandOutcome } from './command.ts'
import { gpuCacheSizes, type GpuSystem, l2BytesByName } from './gpuCaches.ts'

const MIB = 2 ** 20

function system({ answers = {}, files = {}, env = {} }: {
  readonly answers?: Record<string, CommandOutcome>; readonly files?: Record<string, string>; readonly env?: Record<string, string>
}): GpuSystem {
  return {
    env,
    run: (program) => Promise.resolve(answers[program] ?? { kind: 'missing' }),
    readText: (path) => Promise.resolve(files[path] ?? null),
    list: (path) => Promise.resolve([...new Set(Object.keys(files).filter((file) => file.startsWith(`${path}/`)).map((file) => file.slice(path.length + 1).split('/')[0]))]),
  }
}

const done = (stdout: string): CommandOutcome => ({ kind: 'done', stdout })
const twoGpus = done('0, NVIDIA H100 80GB HBM3\n1, NVIDIA L4\n')

describe('L2 of an NVIDIA GPU', () => {
  test('as its driver says', async () => {
    const python3 = done(JSON.stringify([{ index: 0, name: 'NVIDIA H100 80GB HBM3', l2: 52_428_800 }]))
    expect(await gpuCacheSizes(null, system({ answers: { 'nvidia-smi': twoGpus, python3 } }))).toEqual([
      { index: 0, name: 'NVIDIA H100 80GB HBM3', l2Bytes: 52_428_800, l3Bytes: null, from: 'driver' },
      { index: 1, name: 'NVIDIA L4', l2Bytes: 48 * MIB, l3Bytes: null, from: 'table' },
    ])
  })

  test('by its name where the driver cannot be asked, or answers something else', async () => {
    for (const python3 of [{ kind: 'missing' }, { kind: 'failed', message: 'no libcuda.so.1' }, done('nonsense'), done('{"l2": 5}')] as const) {
      const found = await gpuCacheSizes(null, system({ answers: { 'nvidia-smi': twoGpus, python3 } }))
      expect(found.map(({ l2Bytes, from }) => [l2Bytes, from])).toEqual([[50 * MIB, 'table'], [48 * MIB, 'table']])
    }
  })

  test.each([
    ['Tesla V100-SXM2-32GB', 6], ['NVIDIA A100-SXM4-80GB', 40], ['NVIDIA A10', 6], ['NVIDIA L40S', 96], ['NVIDIA L40', 96], ['NVIDIA L4', 48],
    ['NVIDIA GeForce RTX 4090', 72], ['NVIDIA H100 PCIe', 50], ['NVIDIA H200', 50], ['NVIDIA B200', 126], ['NVIDIA GeForce RTX 2080 Ti', 5.5],
  ])('%s has %f MiB', (name, mib) => {
    expect(l2BytesByName(name)).toBe(mib * MIB)
  })

  test('is unknown of a GPU that is not in the table, and of a slice of one', async () => {
    expect(l2BytesByName('NVIDIA Q9000')).toBeNull()
    expect(l2BytesByName('NVIDIA A100-SXM4-80GB MIG 1g.10gb')).toBeNull()
    expect(await gpuCacheSizes(null, system({ answers: { 'nvidia-smi': done('0, NVIDIA Q9000\n') } })))
      .toEqual([{ index: 0, name: 'NVIDIA Q9000', l2Bytes: null, l3Bytes: null, from: 'unknown' }])
  })

  test('is what the user says, on the command line before the variable', async () => {
    const own = { answers: { 'nvidia-smi': twoGpus }, env: { RINGSCOPE_GPU_L2: '30M' } }
    expect((await gpuCacheSizes(null, system(own))).map(({ l2Bytes, from }) => [l2Bytes, from])).toEqual([[30 * MIB, 'override'], [30 * MIB, 'override']])
    expect((await gpuCacheSizes(7 * MIB, system(own)))[0].l2Bytes).toBe(7 * MIB)
    await expect(gpuCacheSizes(null, system({ env: { RINGSCOPE_GPU_L2: 'plenty' } }))).rejects.toThrow(/RINGSCOPE_GPU_L2.*[\s\S]*expected a size in bytes/)
  })
})

test('no GPU, no caches', async () => {
  expect(await gpuCacheSizes(null, system({}))).toEqual([])
  expect(await gpuCacheSizes(null, system({ answers: { 'nvidia-smi': { kind: 'failed', message: 'no driver' } } }))).toEqual([])
})

test('AMD: every node of the kernel driver that computes, sizes in KiB', async () => {
  const nodes = '/sys/class/kfd/kfd/topology/nodes'
  const cache = (level: number, kib: number): string => `processor_id_low 0\nlevel ${level}\nsize ${kib}\n`
  const files = {
    [`${nodes}/0/properties`]: 'cpu_cores_count 64\nsimd_count 0\n',
    [`${nodes}/1/properties`]: 'cpu_cores_count 0\nsimd_count 1216\n', [`${nodes}/1/name`]: 'gfx942\n',
    [`${nodes}/1/caches/0/properties`]: cache(1, 32), [`${nodes}/1/caches/1/properties`]: cache(2, 4096), [`${nodes}/1/caches/2/properties`]: cache(3, 262_144),
    [`${nodes}/10/properties`]: 'simd_count 416\n',
  }
  expect(await gpuCacheSizes(null, system({ files }))).toEqual([
    { index: 0, name: 'AMD gfx942', l2Bytes: 4 * MIB, l3Bytes: 256 * MIB, from: 'driver' },
    { index: 1, name: 'AMD GPU', l2Bytes: null, l3Bytes: null, from: 'unknown' },
  ])
})
