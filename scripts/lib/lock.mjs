import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ScriptError, say } from './project.mjs'

const POLL_MS = 500

/** @param {unknown} error @param {string} code */
const hasCode = (error, code) => error instanceof Error && 'code' in error && error.code === code

/**
 * The process that holds a lock; null when there is none any more, or it has not written its id yet.
 * @param {string} path
 */
function holderOf(path) {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || null
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process may not be signalled, but is there.
    return hasCode(error, 'EPERM')
  }
}

/**
 * Does something that only one process at a time may do, after those that do it have ended. A lock that its holder left
 * behind when it was killed counts for nothing.
 * @template T
 * @param {string} path of the file that stands for the lock
 * @param {AbortSignal} signal ends the waiting
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {ScriptError} when the lock was not free in time
 */
export async function withLock(path, signal, work) {
  for (let waits = 0; ; waits++) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' })
      break
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
    const holder = holderOf(path)
    // Between its making and its writing a lock is empty: the first look may find it so.
    if (holder === null ? waits > 0 : !isRunning(holder)) {
      rmSync(path, { force: true })
      continue
    }
    if (waits === 0 && holder !== null) say(`waiting for process ${holder}, which does the same`)
    await sleep(POLL_MS, undefined, { signal }).catch(() => {
      throw new ScriptError(`process ${holder ?? 'unknown'} does the same and was not done in time; if it is not what it seems, remove ${path}`)
    })
  }
  const release = () => rmSync(path, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}
