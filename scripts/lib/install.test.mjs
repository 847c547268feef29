import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { staleInstall } from './install.mjs'

const LOCK = {
  packages: {
    '': { name: 'tree' },
    'node_modules/zod': { version: '4.0.0', integrity: 'sha512-z' },
    'node_modules/fsevents': { version: '2.0.0', integrity: 'sha512-f', optional: true },
  },
}
const INSTALLED = { packages: { 'node_modules/zod': { version: '4.0.0', integrity: 'sha512-z' } } }

/** @type {string} */
let folder
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'ringscope-install-')) })
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/**
 * @param {string} path
 * @param {unknown} value
 */
function put(path, value) {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), typeof value === 'string' ? value : JSON.stringify(value))
}

describe('staleInstall', () => {
  it('accepts an install of what the lock names, whatever wrote it and when; optional packages may be absent', () => {
    put('package-lock.json', LOCK)
    put('node_modules/zod/package.json', '{}')
    put('node_modules/.package-lock.json', INSTALLED)
    expect(staleInstall(folder)).toBeNull()
  })

  it('sees that nothing is installed', () => {
    put('package-lock.json', LOCK)
    expect(staleInstall(folder)).toBe('no packages are installed')
  })

  it('sees an install that was interrupted, before npm wrote its record or while it did', () => {
    put('package-lock.json', LOCK)
    put('node_modules/zod/package.json', '{}')
    expect(staleInstall(folder)).toBe('an earlier install did not finish')
    put('node_modules/.package-lock.json', '{"packages": {"node_mod')
    expect(staleInstall(folder)).toBe('an earlier install did not finish')
  })

  it('sees a package that the lock has in another version, and one whose folder is gone', () => {
    put('package-lock.json', { packages: { 'node_modules/zod': { version: '4.1.0', integrity: 'sha512-y' } } })
    put('node_modules/zod/package.json', '{}')
    put('node_modules/.package-lock.json', INSTALLED)
    expect(staleInstall(folder)).toBe('zod is 4.0.0, package-lock.json has 4.1.0')
    put('package-lock.json', LOCK)
    rmSync(join(folder, 'node_modules/zod'), { recursive: true })
    expect(staleInstall(folder)).toBe('zod is not installed')
  })

  it('says what to do when the lock itself is gone', () => {
    expect(() => staleInstall(folder)).toThrow(/package-lock\.json is missing or damaged; restore it from git/)
  })
})
