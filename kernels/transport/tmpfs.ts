import { accessSync, constants, statfsSync } from 'node:fs'

/** Where Linux mounts a tmpfs for shared memory. */
const SHARED_MEMORY_FOLDER = '/dev/shm'
/** `TMPFS_MAGIC` of linux/magic.h. */
const TMPFS_MAGIC = 0x0102_1994

export type TmpfsState =
  | { readonly available: true; readonly folder: string; readonly freeBytes: number }
  | { readonly available: false; readonly reason: string }

/** Whether blocks can travel through files in memory here, and if not, why. */
export function tmpfsState(folder: string = SHARED_MEMORY_FOLDER): TmpfsState {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    const { type, bavail, bsize } = statfsSync(folder)
    if (type !== TMPFS_MAGIC) return { available: false, reason: `${folder} is not a tmpfs` }
    return { available: true, folder, freeBytes: bavail * bsize }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? `this system has no ${folder}` : `${folder} cannot be written (${code ?? String(error)})`
    return { available: false, reason }
  }
}

const MOST_COPY_THREADS = 4

/**
 * Helper threads that one rank may use to copy a block out of tmpfs, where the machine has cores beyond one a rank: in a
 * ring all ranks copy at the same time. 0 copies on the communication thread itself.
 */
export function copyThreads(cores: number, world: number): number {
  const spareCores = Math.floor(cores / world) - 1
  return Math.max(0, Math.min(MOST_COPY_THREADS, 2 * spareCores))
}
