import { rmSync } from 'node:fs'

/** How soon a rank notices that its parent is gone while its compute thread is busy. */
const WATCH_MS = 200

/** Whether a process with this pid exists, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Removes what a run keeps on disk and on tmpfs. */
export function removeFolders(folders: readonly string[]): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

/**
 * Ends this whole process when its parent has died, whatever the other thread computes: a closed channel is noticed
 * only between two computations. Removes the run's folders, since nobody else is left to do it.
 */
export function endWithParent(parentPid: number, ownedFolders: readonly string[]): void {
  const bornOf = process.ppid
  setInterval(() => {
    // An orphan gets another parent on POSIX systems, even while the dead one is not yet reaped.
    if (process.ppid === bornOf && isAlive(parentPid)) return
    removeFolders(ownedFolders)
    process.kill(process.pid, 'SIGKILL')
  }, WATCH_MS).unref()
}
