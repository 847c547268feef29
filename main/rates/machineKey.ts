import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { KERNEL_BUILDS } from '../../kernels/backends/wasm/kernelModule.ts'
import type { CacheSizes } from '../../preload/contract/sweep.ts'
import type { Installation } from '../installation.ts'
import { readCacheSizes } from '../machine/caches.ts'

/** What measurements of a machine depend on. */
export interface MachineFacts {
  readonly cpuModel: string
  readonly cores: number
  readonly caches: CacheSizes
  readonly node: string
  readonly version: string
  /** Of the compiled kernels. */
  readonly kernelDigest: string
}

/** Of the compiled kernels' bytes: they changed, whatever their version says. @throws the system's error when they are not built */
export async function kernelDigest(kernelsDir: string): Promise<string> {
  const hash = createHash('sha256')
  for (const build of KERNEL_BUILDS) hash.update(await readFile(join(kernelsDir, `attention.${build}.wasm`)))
  return hash.digest('hex')
}

/** @throws the system's error when the kernels are not built */
export async function machineFacts({ kernelsDir, version }: Pick<Installation, 'kernelsDir' | 'version'>): Promise<MachineFacts> {
  const [caches, digest] = await Promise.all([readCacheSizes(), kernelDigest(kernelsDir)])
  return {
    cpuModel: cpus()[0]?.model ?? process.arch, cores: availableParallelism(), caches,
    node: process.versions.node, version, kernelDigest: digest,
  }
}

/** Equal exactly where measurements of one may stand for the other. */
export function machineKey({ cpuModel, cores, caches: { l1d, l2, l3 }, node, version, kernelDigest: digest }: MachineFacts): string {
  return createHash('sha256').update(JSON.stringify([cpuModel, cores, l1d, l2, l3, node, version, digest])).digest('hex').slice(0, 32)
}
