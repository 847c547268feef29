import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { copyThreads, tmpfsState } from './tmpfs.ts'

describe('tmpfsState', () => {
  it('says why when there is no such folder', () => {
    const missing = join(tmpdir(), 'no-such-folder')
    expect(tmpfsState(missing)).toEqual({ available: false, reason: `this system has no ${missing}` })
  })

  it.runIf(process.platform === 'linux')('says so when a folder is not in memory', () => {
    expect(tmpfsState('/proc')).toMatchObject({ available: false })
  })
})

describe('copyThreads', () => {
  it('takes what the cores leave: none when every core has a rank or more', () => {
    expect([copyThreads(2, 8), copyThreads(2, 2), copyThreads(4, 2), copyThreads(64, 2)]).toEqual([0, 0, 2, 4])
  })
})
