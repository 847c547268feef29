import { randomBytes } from 'node:crypto'
import { accessSync, constants, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sweepStaleFolders } from '../executor/runFolders.ts'

/** Where large files may lie for a while. `/tmp` is memory on many systems, `/var/tmp` is not; a TMPDIR is the user's choice. */
function scratchParent(): string {
  if (process.platform !== 'linux' || process.env.TMPDIR !== undefined) return tmpdir()
  try {
    accessSync('/var/tmp', constants.W_OK)
    return '/var/tmp'
  } catch {
    return tmpdir()
  }
}

/**
 * A folder for files on their way in or out, readable by this user alone: made when it is first needed, gone with the
 * app. What dead processes left is swept at the start.
 */
export class Scratch {
  readonly #parent: string
  #folder: string | null = null

  /** @param parent the folder that it is made in. */
  constructor(parent = scratchParent()) {
    this.#parent = parent
    sweepStaleFolders(parent)
  }

  /** @throws the system's error when nothing can be written there. */
  get folder(): string {
    if (this.#folder === null) {
      // The name says whose it is: sweepStaleFolders removes it when this process is gone.
      const folder = join(this.#parent, `ringscope-${process.pid}-${randomBytes(4).toString('hex')}`)
      mkdirSync(folder, { mode: 0o700 })
      this.#folder = folder
    }
    return this.#folder
  }

  /** A new name in the folder. */
  place(): string {
    return join(this.folder, randomBytes(16).toString('hex'))
  }

  remove(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
    this.#folder = null
  }
}
