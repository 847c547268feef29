import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ScriptError, say } from './project.mjs'

/** A download that brings no byte for this long is given up. */
const STALL_MS = 15_000

/**
 * @param {string} path
 * @returns {Promise<string>} hexadecimal
 */
export async function sha256Of(path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/**
 * Checks a file that was fetched against what it must be, and puts it in its place.
 * @param {string} fetched
 * @param {string} target
 * @param {string} sha256
 * @throws {ScriptError} when it is another file; it is then gone
 */
export async function acceptDownload(fetched, target, sha256) {
  const found = await sha256Of(fetched)
  if (found !== sha256) {
    rmSync(fetched, { force: true })
    throw new ScriptError(`what came is not the expected file: its SHA-256 is ${found}, expected ${sha256}`)
  }
  renameSync(fetched, target)
}

/**
 * Whether a file is there and is the expected one. A damaged one is removed.
 * @param {string} path
 * @param {string} sha256
 */
export async function isCached(path, sha256) {
  if (!existsSync(path)) return false
  if (await sha256Of(path) === sha256) return true
  say(`${path} is damaged: fetching it again`)
  rmSync(path, { force: true })
  return false
}

/**
 * Fetches a file whose contents are known beforehand.
 * @param {string} url
 * @param {string} target
 * @param {string} sha256
 * @param {{ signal?: AbortSignal, stallMs?: number }} [options]
 * @throws {ScriptError} when it cannot be had, or is another file
 */
export async function download(url, target, sha256, { signal, stallMs = STALL_MS } = {}) {
  const part = `${target}.${process.pid}.part`
  mkdirSync(dirname(target), { recursive: true })
  const stalled = new AbortController()
  const drop = () => rmSync(part, { force: true })
  process.once('exit', drop)
  const timer = setTimeout(() => stalled.abort(new Error(`the download brought nothing for ${stallMs / 1000} s`)), stallMs)
  const either = signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal])
  try {
    const response = await fetch(url, { signal: either })
    if (!response.ok || response.body === null) throw new ScriptError(`${url} answers ${response.status} ${response.statusText}`.trim())
    await pipeline(response.body, async function* (chunks) {
      for await (const chunk of chunks) {
        timer.refresh()
        yield chunk
      }
    }, createWriteStream(part), { signal: either })
    await acceptDownload(part, target, sha256)
  } catch (error) {
    drop()
    if (error instanceof ScriptError) throw error
    if (!either.aborted && isFileError(error)) throw new ScriptError(`what ${new URL(url).host} gives cannot be kept: ${error.message}`)
    throw new ScriptError(`${new URL(url).host} gives no file: ${reasonOf(either.aborted ? either.reason : error)}`)
  } finally {
    clearTimeout(timer)
    process.off('exit', drop)
  }
}

/**
 * Whether a file could not be written, as on a full disk; else what failed is the network.
 * @param {unknown} error
 * @returns {error is Error}
 */
const isFileError = (error) => error instanceof Error && 'syscall' in error && ['open', 'write', 'close', 'rename'].includes(String(error.syscall))

/**
 * The words of an error of fetch, which hides them in its cause.
 * @param {unknown} error
 */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
