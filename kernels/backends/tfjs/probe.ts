import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { findTensorflow, TENSORFLOW_PACKAGE } from './runtimes.ts'

/** What TensorFlow's addon said of itself. */
export type TensorflowProbe =
  | { readonly loads: true; readonly usesGpu: boolean }
  | { readonly loads: false; readonly reason: string }

/** Finds out about the addon in a process of its own. */
export type TensorflowProber = () => Promise<TensorflowProbe>

const TIMEOUT_MS = 60_000
const MARKER = 'ringscope-tensorflow-gpu='

/** Runs in the probing process, so it is text: loads the addon as `loadTensorflow` does and says what it computes on. */
const PROBE = `
const util = require('node:util')
util.isNullOrUndefined ??= (value) => value === null || value === undefined
util.isArray ??= Array.isArray
const tf = require(process.argv[1])
console.log('${MARKER}' + (tf.backend().isUsingGpuDevice === true))
`

let probed: Promise<TensorflowProbe> | undefined

/**
 * Loads TensorFlow's addon in a process of its own, once, and reports whether that worked and found a GPU. The addon
 * can take the whole process with it when its libraries do not fit the machine.
 */
export function probeTensorflow(): Promise<TensorflowProbe> {
  if (process.versions.electron !== undefined) {
    // There the executable is the app itself, which would start once more.
    return Promise.resolve({ loads: false, reason: 'only a run of its own can tell in the desktop app: set backend to "tensorflow"' })
  }
  probed ??= runProbe()
  return probed
}

function runProbe(): Promise<TensorflowProbe> {
  const presence = findTensorflow()
  if (!presence.present) return Promise.resolve({ loads: false, reason: presence.reason })
  const modulePath = createRequire(import.meta.url).resolve(TENSORFLOW_PACKAGE)
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', PROBE, modulePath], {
      timeout: TIMEOUT_MS,
      env: { ...process.env, TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_CPP_MIN_LOG_LEVEL: '2' },
    }, (error, stdout, stderr) => {
      const answer = stdout.split('\n').find((line) => line.startsWith(MARKER))
      if (answer !== undefined) resolve({ loads: true, usesGpu: answer === `${MARKER}true` })
      else resolve({ loads: false, reason: `the addon does not load: ${reasonOf(error, stderr)}` })
    })
  })
}

function reasonOf(error: Error | null, stderr: string): string {
  const said = stderr.split('\n').find((line) => /error/i.test(line))?.trim()
  if (said !== undefined && said !== '') return said
  return error === null ? 'it ended without an answer' : error.message.split('\n')[0]
}
