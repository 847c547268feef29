import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { CacheSizes } from '../../preload/contract/sweep.ts'
import { runCommand, type RunCommand } from './command.ts'

/** What cache detection asks of the system; replaced in tests. */
export interface CacheSystem {
  readonly platform: string
  /** A file's text, null where there is none. */
  readonly readText: (path: string) => Promise<string | null>
  readonly run: RunCommand
}

const UNKNOWN: CacheSizes = { l1d: null, l2: null, l3: null }
const LINUX_CACHE_FOLDER = '/sys/devices/system/cpu/cpu0/cache'
/** No processor lists more caches a core than this. */
const MOST_CACHES = 16

export async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return null
  }
}

const thisSystem: CacheSystem = { platform: process.platform, readText, run: runCommand }

/** "48K", "2048K", "32M", "1G" or plain bytes, as Linux writes them. Null for anything else. */
export function parseCacheSize(text: string): number | null {
  const match = /^(\d+)([KMG]?)$/.exec(text.trim())
  if (match === null) return null
  const factor = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[match[2]]
  const bytes = Number(match[1]) * (factor ?? Number.NaN)
  return bytes > 0 ? bytes : null
}

async function linuxCaches(system: CacheSystem): Promise<CacheSizes> {
  const found: { l1d: number | null; l2: number | null; l3: number | null } = { ...UNKNOWN }
  for (let index = 0; index < MOST_CACHES; index++) {
    const folder = `${LINUX_CACHE_FOLDER}/index${index}`
    const [level, type, size] = await Promise.all(
      ['level', 'type', 'size'].map((name) => system.readText(`${folder}/${name}`)))
    if (level === null) break
    if (type === null || size === null || type.trim() === 'Instruction') continue
    const bytes = parseCacheSize(size)
    if (level.trim() === '1') found.l1d = bytes
    if (level.trim() === '2') found.l2 = bytes
    if (level.trim() === '3') found.l3 = bytes
  }
  return found
}

async function macCaches(system: CacheSystem): Promise<CacheSizes> {
  const first = async (names: readonly string[]): Promise<number | null> => {
    for (const name of names) {
      const answer = await system.run('sysctl', ['-n', name])
      const bytes = answer.kind === 'done' ? parseCacheSize(answer.stdout) : null
      if (bytes !== null) return bytes
    }
    return null
  }
  // Apple silicon lists the performance cores as level 0; the plain names give the efficiency cores there.
  return {
    l1d: await first(['hw.perflevel0.l1dcachesize', 'hw.l1dcachesize']),
    l2: await first(['hw.perflevel0.l2cachesize', 'hw.l2cachesize']),
    l3: await first(['hw.perflevel0.l3cachesize', 'hw.l3cachesize']),
  }
}

const windowsAnswer = z.object({
  cores: z.number().positive(),
  /** KiB; L2 of all cores together. */
  l2: z.number().nullable(),
  l3: z.number().nullable(),
  /** KiB of level-1 data caches of all cores together; null where the firmware lists none. */
  l1d: z.number().nullable(),
})

const WINDOWS_QUERY = [
  '$p = @(Get-CimInstance Win32_Processor)[0]',
  // Level 3 is "primary", CacheType 4 is "data" in this class.
  '$d = @(Get-CimInstance Win32_CacheMemory | Where-Object { $_.Level -eq 3 -and $_.CacheType -eq 4 })',
  '$l1 = $null; if ($d.Count -gt 0) { $l1 = ($d | Measure-Object InstalledSize -Sum).Sum }',
  '@{ cores = $p.NumberOfCores; l2 = $p.L2CacheSize; l3 = $p.L3CacheSize; l1d = $l1 } | ConvertTo-Json -Compress',
].join('; ')

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

async function windowsCaches(system: CacheSystem): Promise<CacheSizes> {
  const answer = await system.run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', WINDOWS_QUERY])
  const parsed = windowsAnswer.safeParse(answer.kind === 'done' ? parseJson(answer.stdout) : null)
  if (!parsed.success) return UNKNOWN
  const { cores, l1d, l2, l3 } = parsed.data
  const bytes = (kib: number | null, shared: number): number | null =>
    kib === null || kib <= 0 ? null : Math.round((kib * 1024) / shared)
  return { l1d: bytes(l1d, cores), l2: bytes(l2, cores), l3: bytes(l3, 1) }
}

/**
 * Sizes in bytes of the data caches that one core can use, as the system reports them; null where it does not.
 * Windows reports sums over cores, so its figures are per-core averages.
 */
export async function readCacheSizes(system: CacheSystem = thisSystem): Promise<CacheSizes> {
  switch (system.platform) {
    case 'linux': return linuxCaches(system)
    case 'darwin': return macCaches(system)
    case 'win32': return windowsCaches(system)
    default: return UNKNOWN
  }
}

