import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import { ScriptError } from './project.mjs'

/**
 * Reading of ZIP archives (jars and wheels are such) as far as needed here: stored and deflated entries, below 4 GiB.
 * Format: PKWARE, APPNOTE.TXT, sections 4.3 and 4.4.
 */
const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const LONGEST_COMMENT = 0xffff
const ENTRY_SIGNATURE = 0x02014b50
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const STORED = 0
const DEFLATED = 8

/**
 * @typedef {object} ZipEntry
 * @property {string} name
 * @property {number} method
 * @property {number} bytes in the archive
 * @property {number} size unpacked
 * @property {number} localHeader where it begins
 */

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} from
 * @param {number} length
 */
async function readAt(file, from, length) {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, from)
  return buffer.subarray(0, bytesRead)
}

/**
 * @param {string} path
 * @param {import('node:fs/promises').FileHandle} file
 * @returns {Promise<ZipEntry[]>}
 */
async function readEntries(path, file) {
  const { size: fileBytes } = await file.stat()
  const tailFrom = Math.max(0, fileBytes - END_BYTES - LONGEST_COMMENT)
  const tail = await readAt(file, tailFrom, fileBytes - tailFrom)
  let end = tail.length - END_BYTES
  while (end >= 0 && tail.readUInt32LE(end) !== END_SIGNATURE) end--
  if (end < 0) throw new ScriptError(`${path} is not a ZIP archive, or not whole`)
  const directory = await readAt(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
  const entries = []
  for (let at = 0; at + ENTRY_BYTES <= directory.length && directory.readUInt32LE(at) === ENTRY_SIGNATURE;) {
    const nameBytes = directory.readUInt16LE(at + 28)
    entries.push({
      name: directory.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes),
      method: directory.readUInt16LE(at + 10), bytes: directory.readUInt32LE(at + 20), size: directory.readUInt32LE(at + 24),
      localHeader: directory.readUInt32LE(at + 42),
    })
    at += ENTRY_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return entries
}

/**
 * Unpacks some entries of an archive.
 * @param {string} path
 * @param {Readonly<Record<string, string>>} targets entry name to the file that it becomes
 * @throws {ScriptError} when the archive is damaged or lacks an entry
 */
export async function unzip(path, targets) {
  const file = await open(path)
  try {
    const entries = await readEntries(path, file)
    for (const [name, target] of Object.entries(targets)) {
      const entry = entries.find((candidate) => candidate.name === name)
      if (entry === undefined) throw new ScriptError(`${path} has no entry ${name}`)
      if (entry.method !== STORED && entry.method !== DEFLATED) throw new ScriptError(`${path}: ${name} is packed by method ${entry.method}, which is not read here`)
      // Name and extra field may be longer here than in the directory.
      const local = await readAt(file, entry.localHeader, LOCAL_BYTES)
      const from = entry.localHeader + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
      const packed = createReadStream(path, { start: from, end: from + entry.bytes - 1 })
      const output = createWriteStream(target)
      if (entry.method === STORED) await pipeline(packed, output)
      else await pipeline(packed, createInflateRaw({ chunkSize: 1 << 20 }), output)
      if (output.bytesWritten !== entry.size) throw new ScriptError(`${path}: ${name} has ${output.bytesWritten} bytes instead of ${entry.size}`)
    }
  } finally {
    await file.close()
  }
}
