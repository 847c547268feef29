import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { download, isCached } from './download.mjs'

const CONTENTS = Buffer.alloc(200_000, 'abc')
const SHA256 = createHash('sha256').update(CONTENTS).digest('hex')

const folder = mkdtempSync(join(tmpdir(), 'ringscope-download-'))
const target = join(folder, 'file')
const server = createServer((request, response) => {
  if (request.url === '/file') response.end(CONTENTS)
  else if (request.url === '/stalls') response.write(CONTENTS.subarray(0, 1000))
  else if (request.url === '/breaks') response.write(CONTENTS.subarray(0, 1000), () => response.destroy())
  else response.writeHead(404).end()
})
let base = ''
beforeAll(async () => {
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(undefined)) })
  const address = server.address()
  base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : ''}`
})
afterEach(() => { rmSync(target, { force: true }) })
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

describe('download', () => {
  test('brings the expected file', async () => {
    await download(`${base}/file`, target, SHA256)
    expect(readFileSync(target).equals(CONTENTS)).toBe(true)
    expect(await isCached(target, SHA256)).toBe(true)
  })

  test.each([
    ['another file', '/file', '0'.repeat(64), /its SHA-256 is/],
    ['no file', '/absent', SHA256, /answers 404/],
    ['half a file', '/breaks', SHA256, /gives no file/],
    ['nothing more', '/stalls', SHA256, /brought nothing for 0.2 s/],
  ])('leaves nothing when the server gives %s', async (_, path, sha256, message) => {
    await expect(download(`${base}${path}`, target, sha256, { stallMs: 200 })).rejects.toThrow(message)
    expect(readdirSync(folder)).toEqual([])
  })

  test('ends when it is told to, and when there is nobody', async () => {
    await expect(download(`${base}/stalls`, target, SHA256, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/gives no file/)
    await expect(download('http://127.0.0.1:1/file', target, SHA256)).rejects.toThrow(/gives no file/)
  })

  test('says so when the file cannot be written', async () => {
    const taken = join(folder, 'taken')
    mkdirSync(taken)
    await expect(download(`${base}/file`, taken, SHA256)).rejects.toThrow(/cannot be kept: EISDIR/)
    expect(readdirSync(folder)).toEqual(['taken'])
    rmdirSync(taken)
  })

  test('a damaged file in the cache is no hit, and is gone', async () => {
    expect(await isCached(target, SHA256)).toBe(false)
    writeFileSync(target, 'something else')
    expect(await isCached(target, SHA256)).toBe(false)
    expect(existsSync(target)).toBe(false)
  })
})
