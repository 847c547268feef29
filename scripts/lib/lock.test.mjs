import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { withLock } from './lock.mjs'

const folder = mkdtempSync(join(tmpdir(), 'ringscope-lock-'))
const path = join(folder, 'lock')
const never = new AbortController().signal
afterAll(() => { rmSync(folder, { recursive: true }) })

describe('a lock', () => {
  test('lets one in at a time, and is gone afterwards, after a failure too', async () => {
    let inside = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => { setTimeout(resolve, 20) })
      inside--
    }
    await Promise.all([withLock(path, never, work), withLock(path, never, work)])
    expect(most).toBe(1)
    await expect(withLock(path, never, () => Promise.reject(new Error('broke')))).rejects.toThrow('broke')
    expect(existsSync(path)).toBe(false)
  })

  test('names its holder, and is not waited for beyond the time given', async () => {
    await withLock(path, never, async () => {
      expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`)
      await expect(withLock(path, AbortSignal.timeout(50), () => Promise.resolve())).rejects.toThrow(`process ${process.pid} does the same`)
    })
  })

  test.each([['of a process that has ended', () => String(spawnSync(process.execPath, ['--version']).pid)], ['that is empty', () => '']])(
    '%s is taken over', async (_, contents) => {
      writeFileSync(path, contents())
      expect(await withLock(path, never, () => Promise.resolve('done'))).toBe('done')
    })
})
