import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ARTIFACTS, cacheFolder, mavenRepository } from './library.mjs'

const folder = mkdtempSync(join(tmpdir(), 'ringscope-library-'))
const settings = join(folder, 'settings.xml')
afterAll(() => { rmSync(folder, { recursive: true }) })

/** @param {string} mirrors */
const withMirrors = (mirrors) => {
  writeFileSync(settings, `<settings><mirrors>${mirrors}</mirrors></settings>`)
  return mavenRepository({}, settings)
}

describe('the Maven repository', () => {
  test('is Maven Central, unless the environment or the user\'s settings name another', () => {
    expect(mavenRepository({}, join(folder, 'absent'))).toBe('https://repo1.maven.org/maven2')
    expect(withMirrors('')).toBe('https://repo1.maven.org/maven2')
    expect(withMirrors('<mirror><id>a</id><url> https://mirror.example/maven/ </url><mirrorOf>central</mirrorOf></mirror>')).toBe('https://mirror.example/maven')
    expect(mavenRepository({ RINGSCOPE_MAVEN_REPOSITORY: 'https://other.example/m2/' }, settings)).toBe('https://other.example/m2')
  })

  test('is no mirror of something else, nor one that leaves Maven Central out or is commented out', () => {
    const mirror = (/** @type {string} */ of) => `<mirror><mirrorOf>${of}</mirrorOf><url>https://mirror.example</url></mirror>`
    expect(withMirrors(mirror('spring'))).toBe('https://repo1.maven.org/maven2')
    expect(withMirrors(mirror('*,!central'))).toBe('https://repo1.maven.org/maven2')
    expect(withMirrors(`<!-- ${mirror('*')} -->`)).toBe('https://repo1.maven.org/maven2')
    expect(withMirrors(`${mirror('spring')}${mirror('external:*')}`)).toBe('https://mirror.example')
  })
})

test('what is fetched is known beforehand, to the bit', () => {
  for (const { sha256, file } of ARTIFACTS) {
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(file).toMatch(/\.(jar|whl)$/)
  }
})

test('the cache is where the system keeps caches', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/var/cache' })).toBe(join('/var/cache', 'ringscope'))
  expect(cacheFolder({})).toMatch(/[\\/]\.cache[\\/]ringscope$/)
})
