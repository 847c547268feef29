import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tmpfsState } from '../../kernels/transport/tmpfs.ts'
import { isAlive } from '../../kernels/transport/parentWatch.ts'

const NAME = /^ringscope-(\d+)-[0-9a-f]{8}$/
/** Longest path of a Unix socket that every system takes (macOS: 104 bytes with the terminator). */
const LONGEST_SOCKET_PATH = 103
/** `/r1023.sock` */
const LONGEST_SOCKET_NAME = 12

/** Where one run keeps its sockets and its blocks' files. Gone when the run is over. */
export interface RunFolders {
  /** Folder of the Unix sockets. */
  readonly runDir: string
  /** Folder of the blocks' files on tmpfs; null when blocks travel through sockets. */
  readonly slotDir: string | null
  /** Address on which a rank listens for those that it sends to. */
  address(rank: number): string
  remove(): void
}

/** Removes what runs of processes that are gone left in `folder`. Best effort: others' folders stay. */
export function sweepStaleFolders(folder: string): void {
  let entries: string[]
  try {
    entries = readdirSync(folder)
  } catch {
    return
  }
  for (const entry of entries) {
    const pid = NAME.exec(entry)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    try {
      rmSync(join(folder, entry), { recursive: true, force: true })
    } catch {
      // Another user's: theirs to remove.
    }
  }
}

function socketParent(): string {
  const preferred = tmpdir()
  const length = join(preferred, 'ringscope-4194304-00000000').length + LONGEST_SOCKET_NAME
  return process.platform === 'win32' || length <= LONGEST_SOCKET_PATH ? preferred : '/tmp'
}

/**
 * Makes a run's folders, readable by this user alone, and sweeps what dead runs left beside them.
 * @param withSlots whether blocks travel through files on tmpfs.
 * @throws the system's error when nothing can be written there.
 */
export function createRunFolders(withSlots: boolean): RunFolders {
  const name = `ringscope-${process.pid}-${randomBytes(4).toString('hex')}`
  const parent = socketParent()
  sweepStaleFolders(parent)
  const tmpfs = tmpfsState()
  if (tmpfs.available) sweepStaleFolders(tmpfs.folder)

  const runDir = join(parent, name)
  mkdirSync(runDir, { mode: 0o700 })
  let slotDir: string | null = null
  if (withSlots && tmpfs.available) {
    slotDir = join(tmpfs.folder, name)
    mkdirSync(slotDir, { mode: 0o700 })
  }
  return {
    runDir, slotDir,
    address: (rank) => (process.platform === 'win32' ? `\\\\.\\pipe\\${name}-r${rank}` : join(runDir, `r${rank}.sock`)),
    remove: () => {
      for (const folder of [runDir, slotDir]) {
        if (folder !== null) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
      }
    },
  }
}
