import { existsSync } from 'node:fs'
import { withLock } from '../lock.mjs'
import { ScriptError, at, say } from '../project.mjs'
import { buildAddon, findCompiler } from './addon.mjs'
import { obtainLibrary } from './library.mjs'
import { PACKAGE, packageFolder, removeAddon, runOwnInstall, tryAddon } from './package.mjs'

/** The package's own download is given up when it brings nothing for this long. */
const STALL_MS = 10_000

/**
 * Makes the `tensorflow` backend work, where that is possible: the package's own install first, else an addon built
 * against a library from a package registry.
 * @param {number} withinMs how long it may take
 * @returns {Promise<string>} the device that it computes on
 * @throws {ScriptError} when it cannot be had, with the reason
 */
export async function ensureTensorflow(withinMs) {
  const deadline = AbortSignal.timeout(withinMs)
  if (!existsSync(packageFolder())) {
    throw new ScriptError(`the optional package ${PACKAGE} is not installed; run "npm ci --include=optional"`)
  }
  // It changes what is installed step by step: of two at once, each would take the other's half-made parts away.
  return withLock(at('node_modules', '.ringscope-tensorflow.lock'), deadline, () => makeWork(withinMs, deadline))
}

/**
 * @param {number} withinMs
 * @param {AbortSignal} deadline
 */
async function makeWork(withinMs, deadline) {
  const before = await tryAddon()
  if (before.works) return before.device
  say(`tensorflow: ${before.reason}; trying the package's own install`)
  const failure = await runOwnInstall({ stallMs: STALL_MS, timeoutMs: withinMs / 2 })
  if (failure === null) {
    const installed = await tryAddon()
    if (installed.works) return installed.device
    say(`the package's own install ended well, but ${installed.reason}`)
  } else {
    say(`the package's own install failed: ${failure}`)
  }
  removeAddon()
  try {
    return await buildFromRegistry(deadline)
  } catch (error) {
    if (deadline.aborted) throw new ScriptError(`it was not done within ${Math.round(withinMs / 1000)} s`)
    if (isSystemError(error)) throw new ScriptError(`it cannot be put in its place: ${error.message}`)
    throw error
  }
}

/**
 * An error of the file system, such as a full disk or a folder that may not be written.
 * @param {unknown} error
 * @returns {error is NodeJS.ErrnoException}
 */
const isSystemError = (error) => error instanceof Error && 'syscall' in error

/** @param {AbortSignal} deadline */
async function buildFromRegistry(deadline) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new ScriptError('only the package\'s own install brings TensorFlow here: building the addon against a library from a package'
      + ` registry is supported on Linux x64, and this is ${process.platform} ${process.arch}. The other backends work everywhere.`)
  }
  const compiler = findCompiler()
  if (compiler === null) {
    throw new ScriptError('building the addon needs a C++ compiler, and there is neither g++ nor clang++ (on Debian: apt-get install g++); CXX may name one')
  }
  const { artifact, path } = await obtainLibrary(deadline)
  deadline.throwIfAborted()
  await buildAddon(compiler, artifact, path)
  const built = await tryAddon()
  if (built.works) return built.device
  removeAddon()
  throw new ScriptError(`the addon was built, but ${built.reason}`)
}
