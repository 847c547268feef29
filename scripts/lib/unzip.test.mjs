import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { unzip } from './unzip.mjs'

const folder = mkdtempSync(join(tmpdir(), 'ringscope-unzip-'))
afterAll(() => { rmSync(folder, { recursive: true }) })

/**
 * @param {readonly { name: string, method: 0 | 8 | 99, contents: Buffer, localExtra?: number, size?: number }[]} files
 * @param {string} [comment]
 */
function archiveOf(files, comment = '') {
  /** @type {Buffer[]} */
  const parts = []
  /** @type {Buffer[]} */
  const directory = []
  let at = 0
  for (const { name, method, contents, localExtra = 0, size = contents.length } of files) {
    const packed = method === 8 ? deflateRawSync(contents) : contents
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50)
    local.writeUInt16LE(name.length, 26)
    local.writeUInt16LE(localExtra, 28)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50)
    entry.writeUInt16LE(method, 10)
    entry.writeUInt32LE(crc32(contents), 16)
    entry.writeUInt32LE(packed.length, 20)
    entry.writeUInt32LE(size, 24)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(at, 42)
    parts.push(local, Buffer.from(name), Buffer.alloc(localExtra), packed)
    directory.push(entry, Buffer.from(name))
    at += 30 + name.length + localExtra + packed.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(Buffer.concat(directory).length, 12)
  end.writeUInt32LE(at, 16)
  end.writeUInt16LE(comment.length, 20)
  return Buffer.concat([...parts, ...directory, end, Buffer.from(comment)])
}

describe('unzip', () => {
  const archive = join(folder, 'archive.zip')
  const target = join(folder, 'target')
  const large = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at) % 251))
  beforeAll(() => {
    writeFileSync(archive, archiveOf([
      { name: 'stored', method: 0, contents: Buffer.from('as it is') },
      { name: 'in/folder', method: 8, contents: large, localExtra: 28 },
      { name: 'odd', method: 99, contents: Buffer.from('x') },
      { name: 'short', method: 8, contents: Buffer.from('abc'), size: 4 },
    ], 'a comment behind the end'))
  })

  test('unpacks stored and deflated entries, past what only the local header has', async () => {
    await unzip(archive, { 'in/folder': target, stored: `${target}-2` })
    expect(readFileSync(target).equals(large)).toBe(true)
    expect(readFileSync(`${target}-2`, 'utf8')).toBe('as it is')
  })

  test('refuses what it cannot give: no such entry, another method, another size, no archive', async () => {
    await expect(unzip(archive, { absent: target })).rejects.toThrow(/has no entry absent/)
    await expect(unzip(archive, { odd: target })).rejects.toThrow(/method 99/)
    await expect(unzip(archive, { short: target })).rejects.toThrow(/3 bytes instead of 4/)
    writeFileSync(join(folder, 'cut'), readFileSync(archive).subarray(0, 1000))
    await expect(unzip(join(folder, 'cut'), { stored: target })).rejects.toThrow(/not a ZIP archive, or not whole/)
  })
})
