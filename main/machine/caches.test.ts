import { describe, expect, test } from 'vitest'
import { parseCacheSize, readCacheSizes, type CacheSystem } from './caches.ts'
import type { CommandOutcome } from './command.ts'

const folder = '/sys/devices/system/cpu/cpu0/cache'

function system(platform: string, files: Record<string, string>, answers: Record<string, CommandOutcome> = {}): CacheSystem {
  return {
    platform,
    readText: (path) => Promise.resolve(files[path] ?? null),
    run: (program, args) => Promise.resolve(answers[[program, ...args].join(' ')] ?? answers[program] ?? { kind: 'missing' }),
  }
}

function linuxFiles(caches: readonly [level: string, type: string, size: string][]): Record<string, string> {
  return Object.fromEntries(caches.flatMap(([level, type, size], index) => [
    [`${folder}/index${index}/level`, `${level}\n`],
    [`${folder}/index${index}/type`, `${type}\n`],
    [`${folder}/index${index}/size`, `${size}\n`],
  ]))
}

describe('cache sizes', () => {
  test('Linux: the data and unified caches of cpu0, in bytes', async () => {
    const files = linuxFiles([['1', 'Data', '48K'], ['1', 'Instruction', '64K'], ['2', 'Unified', '2048K'], ['3', 'Unified', '480M']])
    expect(await readCacheSizes(system('linux', files))).toEqual({ l1d: 49_152, l2: 2_097_152, l3: 503_316_480 })
  })

  test('Linux: a level that is not listed or has no size is null', async () => {
    expect(await readCacheSizes(system('linux', linuxFiles([['1', 'Data', '32K'], ['2', 'Unified', '']]))))
      .toEqual({ l1d: 32_768, l2: null, l3: null })
    expect(await readCacheSizes(system('linux', {}))).toEqual({ l1d: null, l2: null, l3: null })
  })

  test('macOS: performance cores first, then the plain names; 0 means none', async () => {
    const answers: Record<string, CommandOutcome> = {
      'sysctl -n hw.perflevel0.l1dcachesize': { kind: 'done', stdout: '131072\n' },
      'sysctl -n hw.l2cachesize': { kind: 'done', stdout: '4194304\n' },
      'sysctl -n hw.l3cachesize': { kind: 'done', stdout: '0\n' },
    }
    expect(await readCacheSizes(system('darwin', {}, answers))).toEqual({ l1d: 131_072, l2: 4_194_304, l3: null })
  })

  test('Windows: sums over cores become one core\'s share, L3 stays whole', async () => {
    const stdout = '{"cores":4,"l2":2048,"l3":8192,"l1d":null}'
    expect(await readCacheSizes(system('win32', {}, { 'powershell.exe': { kind: 'done', stdout } })))
      .toEqual({ l1d: null, l2: 524_288, l3: 8_388_608 })
  })

  test('Windows: an answer that is not what was asked for means unknown', async () => {
    for (const answer of [{ kind: 'missing' }, { kind: 'failed', message: 'denied' }, { kind: 'done', stdout: 'nonsense' }] as const) {
      expect(await readCacheSizes(system('win32', {}, { 'powershell.exe': answer }))).toEqual({ l1d: null, l2: null, l3: null })
    }
  })

  test('other systems: unknown', async () => {
    expect(await readCacheSizes(system('sunos', {}))).toEqual({ l1d: null, l2: null, l3: null })
  })

  test('sizes are read with their unit and refused otherwise', () => {
    expect(['512', '48K', '2M', '1G'].map(parseCacheSize)).toEqual([512, 49_152, 2_097_152, 1_073_741_824])
    expect(['', 'K', '-1K', '0', '48 KiB'].map(parseCacheSize)).toEqual([null, null, null, null, null])
  })

  test('this machine: every size is null or a positive whole number, and L1 < L2 < L3 where known', async () => {
    const sizes = await readCacheSizes()
    const known = [sizes.l1d, sizes.l2, sizes.l3].filter((size) => size !== null)
    for (const size of known) expect(Number.isInteger(size) && size > 0).toBe(true)
    expect([...known].sort((a, b) => a - b)).toEqual(known)
  })
})
