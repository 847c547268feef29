import { readdir } from 'node:fs/promises'
import { z } from 'zod'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import type { GpuCache } from '../../preload/contract/machine.ts'
import { parseCacheSize, readText } from './caches.ts'
import { runCommand, type RunCommand } from './command.ts'

/** What GPU cache detection asks of the system; replaced in tests. */
export interface GpuSystem {
  readonly env: Readonly<Record<string, string | undefined>>
  /** A file's text, null where there is none. */
  readonly readText: (path: string) => Promise<string | null>
  /** Names in a folder; none where there is no such folder. */
  readonly list: (path: string) => Promise<readonly string[]>
  readonly run: RunCommand
}

const thisSystem: GpuSystem = {
  env: process.env, readText, run: runCommand, list: (path) => readdir(path).catch(() => []),
}

/** Set to a size ("50M", "52428800") it replaces whatever is found, for every GPU. */
export const GPU_L2_VARIABLE = 'RINGSCOPE_GPU_L2'
const KFD_NODES = '/sys/class/kfd/kfd/topology/nodes'
const MIB = 2 ** 20

/**
 * L2 sizes in MiB by what a driver's name of the GPU holds, the longer patterns before those that they contain; reference
 * section 6.3.
 */
const L2_MIB: readonly (readonly [pattern: RegExp, mib: number])[] = [
  [/\bV100\b/, 6], [/\bT4\b/, 4], [/\bA100\b/, 40], [/\bA800\b/, 40], [/\bA30\b/, 24], [/\bA10\b/, 6], [/\bRTX 3090\b/, 6],
  [/\bRTX 2080 Ti\b/, 5.5], [/\bL40S?\b/, 96], [/\bL4\b/, 48], [/\bRTX 4090\b/, 72], [/\bRTX 4080\b/, 64], [/\bH100\b/, 50], [/\bH800\b/, 50],
  [/\bH200\b/, 50], [/\bB200\b/, 126], [/\bRTX 5090\b/, 96],
]

/** L2 of an NVIDIA GPU by its name; null for one that is not in the table. A slice of a GPU (MIG) has less: unknown. */
export function l2BytesByName(name: string): number | null {
  if (/\bMIG\b/.test(name)) return null
  const mib = L2_MIB.find(([pattern]) => pattern.test(name))?.[1]
  return mib === undefined ? null : mib * MIB
}

/**
 * Asks the driver's own library by the Python of the system: Node cannot call into a library, and nvidia-smi has no field for it.
 * 38 is CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE.
 */
const DRIVER_QUERY = `
import ctypes, json
cuda = ctypes.CDLL("libcuda.so.1")
def check(result):
    if result != 0: raise SystemExit("the CUDA driver answered %d" % result)
check(cuda.cuInit(0))
count = ctypes.c_int()
check(cuda.cuDeviceGetCount(ctypes.byref(count)))
found = []
for index in range(count.value):
    device, size, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(200)
    check(cuda.cuDeviceGet(ctypes.byref(device), index))
    check(cuda.cuDeviceGetName(name, 200, device))
    check(cuda.cuDeviceGetAttribute(ctypes.byref(size), 38, device))
    found.append({"index": index, "name": name.value.decode(), "l2": size.value})
print(json.dumps(found))
`
const driverAnswer = z.array(z.object({ index: z.int().min(0), name: z.string(), l2: z.int().min(0) }))

const NAMES_QUERY = ['--query-gpu=index,name', '--format=csv,noheader']

async function byDriver(system: GpuSystem): Promise<GpuCache[]> {
  const answer = await system.run('python3', ['-c', DRIVER_QUERY])
  if (answer.kind !== 'done') return []
  let json: unknown
  try {
    json = JSON.parse(answer.stdout)
  } catch {
    return []
  }
  const parsed = driverAnswer.safeParse(json)
  if (!parsed.success) return []
  return parsed.data.filter(({ l2 }) => l2 > 0).map(({ index, name, l2 }) => ({ index, name, l2Bytes: l2, l3Bytes: null, from: 'driver' }))
}

async function nvidiaCaches(system: GpuSystem): Promise<GpuCache[]> {
  const names = await system.run('nvidia-smi', NAMES_QUERY)
  if (names.kind !== 'done') return []
  const listed = names.stdout.split('\n').flatMap((line) => {
    const [, index, name] = /^\s*(\d+)\s*,\s*(.*\S)\s*$/.exec(line) ?? []
    return index === undefined ? [] : [{ index: Number(index), name }]
  })
  if (listed.length === 0) return []
  const asked = await byDriver(system)
  // The driver's library counts what CUDA_VISIBLE_DEVICES leaves, nvidia-smi counts all: names match, indices may not.
  return listed.map(({ index, name }): GpuCache => {
    const own = asked.find((gpu) => gpu.name === name)
    if (own !== undefined) return { ...own, index }
    const l2Bytes = l2BytesByName(name)
    return { index, name, l2Bytes, l3Bytes: null, from: l2Bytes === null ? 'unknown' : 'table' }
  })
}

/** Lines "name value" of a KFD properties file. */
function propertiesOf(text: string): ReadonlyMap<string, number> {
  return new Map(text.split('\n').flatMap((line) => {
    const [name, value] = line.trim().split(/\s+/)
    return value === undefined || !/^\d+$/.test(value) ? [] : [[name, Number(value)] as const]
  }))
}

const byNumber = (a: string, b: string): number => Number(a) - Number(b)

/** AMD GPUs as their kernel driver describes them; sizes there are in KiB. Nodes without SIMD units are processors. */
async function amdCaches(system: GpuSystem): Promise<GpuCache[]> {
  const found: GpuCache[] = []
  for (const node of [...await system.list(KFD_NODES)].sort(byNumber)) {
    const properties = propertiesOf(await system.readText(`${KFD_NODES}/${node}/properties`) ?? '')
    if ((properties.get('simd_count') ?? 0) === 0) continue
    const levels = new Map<number, number>()
    for (const cache of await system.list(`${KFD_NODES}/${node}/caches`)) {
      const own = propertiesOf(await system.readText(`${KFD_NODES}/${node}/caches/${cache}/properties`) ?? '')
      const [level, kib] = [own.get('level') ?? 0, own.get('size') ?? 0]
      if (kib > 0) levels.set(level, Math.max(levels.get(level) ?? 0, kib * 1024))
    }
    const name = (await system.readText(`${KFD_NODES}/${node}/name`))?.trim()
    const l2Bytes = levels.get(2) ?? null
    found.push({
      index: found.length, name: name === undefined || name === '' ? 'AMD GPU' : `AMD ${name}`, l2Bytes, l3Bytes: levels.get(3) ?? null,
      from: l2Bytes === null ? 'unknown' : 'driver',
    })
  }
  return found
}

/** A size that somebody named: "50M", "52428800". @throws InvalidInputError */
export function parseGpuL2(text: string, source: string): number {
  const bytes = parseCacheSize(text)
  if (bytes !== null) return bytes
  throw new InvalidInputError(source, [{
    path: '', expected: 'a size in bytes, or with K, M or G behind it, like 50M', given: JSON.stringify(text),
  }])
}

/**
 * Caches of the GPUs of this machine: the L2 that tiles may be chosen for. From the driver where it can be asked, else from a
 * table of names; `RINGSCOPE_GPU_L2` or `override` replaces what is found.
 * @param override bytes, as the user gave them for this once.
 * @throws InvalidInputError for a variable that is no size.
 */
export async function gpuCacheSizes(override: number | null = null, system: GpuSystem = thisSystem): Promise<GpuCache[]> {
  const named = system.env[GPU_L2_VARIABLE]
  const l2Bytes = override ?? (named === undefined || named === '' ? null : parseGpuL2(named, `the variable ${GPU_L2_VARIABLE}`))
  const found = [...await nvidiaCaches(system), ...await amdCaches(system)].map((gpu, index) => ({ ...gpu, index }))
  return l2Bytes === null ? found : found.map((gpu) => ({ ...gpu, l2Bytes, from: 'override' as const }))
}
