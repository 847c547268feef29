import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPageFile } from './pageFiles.ts'

let root: string
let page: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ringscope-page-'))
  page = join(root, 'page')
  await mkdir(join(page, 'assets'), { recursive: true })
  await mkdir(join(root, 'page-secrets'))
  await writeFile(join(page, 'index.html'), '<!doctype html>')
  await writeFile(join(page, 'assets', 'a b.js'), 'export {}')
  await writeFile(join(page, 'binary.node'), 'x')
  await writeFile(join(root, 'secret.json'), 'secret')
  await writeFile(join(root, 'page-secrets', 'secret.json'), 'secret')
})
afterAll(() => rm(root, { recursive: true }))

describe('files of the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/index.html', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/assets/a%20b.js', 'text/javascript; charset=utf-8', 'export {}'],
    ['/assets/../index.html', 'text/html; charset=utf-8', '<!doctype html>'],
  ])('%s', async (pathname, type, text) => {
    const file = await readPageFile(page, pathname)
    expect([file?.type, Buffer.from(file?.bytes ?? []).toString()]).toEqual([type, text])
  })

  it.each([
    '/../secret.json', '/..%2fsecret.json', '/%2e%2e/secret.json', '/assets/../../secret.json', '/..\\secret.json', '/..%5csecret.json',
    '/../page-secrets/secret.json', '//secret.json', '/assets', '/missing.js', '/binary.node', '', 'index.html', '/%', '/index.html%00.js',
  ])('nothing for %s', async (pathname) => {
    expect(await readPageFile(page, pathname)).toBeNull()
  })
})
