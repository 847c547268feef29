import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRunFolders, sweepStaleFolders } from './runFolders.ts'

describe('sweepStaleFolders', () => {
  it('removes what dead processes left, and nothing else', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sweep-'))
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    const kept = [`ringscope-${process.pid}-0123abcd`, 'ringscope-notes', `ringscope-${dead}-short`, `other-${dead}-0123abcd`]
    for (const name of [...kept, `ringscope-${dead}-0123abcd`]) {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'file'), '')
    }
    sweepStaleFolders(folder)
    expect(readdirSync(folder).toSorted()).toEqual(kept.toSorted())
    rmSync(folder, { recursive: true })
  })
})

describe('createRunFolders', () => {
  it('makes a folder for this user alone, with socket paths that fit, and removes it', () => {
    const folders = createRunFolders(false)
    expect(folders.slotDir).toBeNull()
    if (process.platform !== 'win32') {
      expect(statSync(folders.runDir).mode & 0o777).toBe(0o700)
      expect(folders.address(1023).length).toBeLessThanOrEqual(103)
    }
    expect(folders.address(0)).not.toBe(folders.address(1))
    folders.remove()
    expect(existsSync(folders.runDir)).toBe(false)
  })
})
