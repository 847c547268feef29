import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type * as tfcore from '@tensorflow/tfjs-core'
import type * as wasmBackend from '@tensorflow/tfjs-backend-wasm'
import { BackendUnavailableError } from '../backend.ts'
import type { TfRuntime } from './tfcore.ts'

// Through require, so that tfjs-core, its backends and the TensorFlow addon all share the one CommonJS instance.
// Not named require: the bundler declares one of its own in the module.
const loadModule = createRequire(import.meta.url)

/** The copy of tfjs-core that the backends of this folder register with. */
export function loadCore(): typeof tfcore {
  const tf = loadModule('@tensorflow/tfjs-core') as typeof tfcore
  // Silences the advertisement that the backends print in Node; errors still throw.
  tf.enableProdMode()
  return tf
}

/** Makes a registered tfjs backend the current one. @throws BackendUnavailableError */
export async function activate(tf: typeof tfcore, id: TfRuntime['id'], backendName: string): Promise<void> {
  let ready: boolean
  try {
    ready = await tf.setBackend(backendName)
    await tf.ready()
  } catch (error) {
    throw new BackendUnavailableError(id, `tfjs could not start its "${backendName}" backend`, { cause: error })
  }
  if (!ready) throw new BackendUnavailableError(id, `tfjs could not start its "${backendName}" backend`)
}

/** tfjs's WebAssembly backend: SIMD, one thread, since every rank is a process of its own. */
export async function loadTfjsWasm(): Promise<TfRuntime> {
  const tf = loadCore()
  const wasm = loadModule('@tensorflow/tfjs-backend-wasm') as typeof wasmBackend
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  // The package's main module is in its dist folder, beside the compiled files.
  wasm.setWasmPaths(join(dirname(loadModule.resolve('@tensorflow/tfjs-backend-wasm')), '/'))
  await activate(tf, 'tfjs-wasm', 'wasm')
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT') === true
  return {
    tf, id: 'tfjs-wasm', device: `tfjs-wasm ${simd ? 'SIMD' : 'without SIMD'}, 1 thread`,
    transposesOnHost: true, batchesSlices: false, asynchronous: false,
  }
}

/** tfjs's plain JavaScript backend: slow, and right. */
export async function loadTfjsCpu(): Promise<TfRuntime> {
  const tf = loadCore()
  loadModule('@tensorflow/tfjs-backend-cpu')
  await activate(tf, 'tfjs-cpu', 'cpu')
  return { tf, id: 'tfjs-cpu', device: 'tfjs-cpu JavaScript, 1 thread', transposesOnHost: true, batchesSlices: true, asynchronous: false }
}

export const TENSORFLOW_PACKAGE = '@tensorflow/tfjs-node-gpu'
/** How to get it; scripts/backend-tensorflow.mjs says what that does. */
export const TENSORFLOW_REMEDY =
  'run "npm run backend:tensorflow" in a checkout: it downloads TensorFlow for GPUs (CUDA 11 and cuDNN 8) or, where that cannot be had, ' +
  'builds its addon for the CPU on Linux x64'

/** Whether TensorFlow's addon is on disk. Loads nothing. */
export type TensorflowPresence =
  /** `cpuOnly`: its library was built without GPUs, so there is nothing to find out by loading it. */
  | { readonly present: true; readonly cpuOnly: boolean }
  | { readonly present: false; readonly missing: 'package' | 'addon'; readonly reason: string }

/**
 * Looks for the addon's file, without loading it into this process.
 * @param root the folder whose packages are meant; by default those that this module itself would load.
 */
export function findTensorflow(root?: string): TensorflowPresence {
  const modules = root === undefined ? loadModule : createRequire(join(root, 'package.json'))
  let manifest: string
  try {
    manifest = modules.resolve(`${TENSORFLOW_PACKAGE}/package.json`)
  } catch {
    return { present: false, missing: 'package', reason: `the package ${TENSORFLOW_PACKAGE} is not installed; ${TENSORFLOW_REMEDY}` }
  }
  const addon = join(dirname(manifest), 'lib', 'napi-v8', 'tfjs_binding.node')
  // Left by scripts/lib/tensorflow/addon.mjs beside the libraries.
  if (existsSync(addon)) return { present: true, cpuOnly: existsSync(join(dirname(manifest), 'deps', 'cpu-only')) }
  return { present: false, missing: 'addon', reason: `the native addon ${addon} is missing; ${TENSORFLOW_REMEDY}` }
}

/** What of Node's removed util functions the addon still calls, last released before Node 23. */
function restoreRemovedUtilities(): void {
  const util = loadModule('node:util') as Record<string, unknown>
  util.isNullOrUndefined ??= (value: unknown): boolean => value === null || value === undefined
  util.isArray ??= Array.isArray
}

/**
 * What TensorFlow reads when its library is loaded. One thread, since every rank is a process of its own; messages only
 * from warnings on. What the environment already says stands.
 */
function setDefaults(): void {
  process.env['TF_NUM_INTRAOP_THREADS'] ??= '1'
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1'
}

/** The device of a TensorFlow runtime that found a GPU. */
export const TENSORFLOW_GPU = 'TensorFlow, GPU'

interface TensorflowModule {
  readonly tf: typeof tfcore
  readonly usesGpu: boolean
}

/** The addon's package re-exports tfjs, whose ops are the only ones its backend serves. */
function loadTensorflowModule(): TensorflowModule {
  const presence = findTensorflow()
  if (!presence.present) throw new BackendUnavailableError('tensorflow', presence.reason)
  restoreRemovedUtilities()
  setDefaults()
  try {
    const tf = loadModule(TENSORFLOW_PACKAGE) as typeof tfcore
    const backend = tf.backend() as { isUsingGpuDevice?: unknown }
    return { tf, usesGpu: backend.isUsingGpuDevice === true }
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new BackendUnavailableError('tensorflow', `the addon does not load (${reason}); ${TENSORFLOW_REMEDY}`, { cause: error })
  }
}

/**
 * TensorFlow's C library through its Node addon. Call only in a process that may crash, never in the supervisor.
 * @throws BackendUnavailableError saying why and what to do.
 */
export async function loadTensorflow(): Promise<TfRuntime> {
  const { tf, usesGpu } = loadTensorflowModule()
  await activate(tf, 'tensorflow', 'tensorflow')
  const threads = process.env['TF_NUM_INTRAOP_THREADS']
  return {
    tf, id: 'tensorflow', device: usesGpu ? TENSORFLOW_GPU : `TensorFlow, CPU, ${threads} ${threads === '1' ? 'thread' : 'threads'}`,
    transposesOnHost: false, batchesSlices: true, asynchronous: true,
  }
}
