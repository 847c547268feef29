/**
 * npm run backend:tensorflow: makes the `tensorflow` backend work on this machine.
 *
 *   npm run backend:tensorflow [-- --within <seconds>]     gives up after so long; 1800 by default
 *
 * First the own install of @tensorflow/tfjs-node-gpu, which downloads TensorFlow for GPUs and an addon from
 * storage.googleapis.com. Where that is out of reach, on Linux x64, the addon is built with the system's C++ compiler from the
 * package's own sources against a TensorFlow library from Maven Central or PyPI, which computes on the CPU. What was
 * downloaded stays in the user's cache folder. Exit code 0 when the backend works at the end.
 */
import { realpathSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ensureInstalled } from './lib/install.mjs'
import { node24, runOnNode24 } from './lib/node24.mjs'
import { ScriptError, runMain, say } from './lib/project.mjs'
import { ensureTensorflow } from './lib/tensorflow/ensure.mjs'

const DEFAULT_WITHIN_S = 1800

/** @param {readonly string[]} args */
function parseWithin(args) {
  try {
    const { values } = parseArgs({ args: [...args], options: { within: { type: 'string' } } })
    const seconds = Number(values.within ?? DEFAULT_WITHIN_S)
    if (!(seconds > 0)) throw new TypeError(`--within takes a number of seconds, not ${values.within}`)
    return seconds
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new ScriptError(error.message, 2)
  }
}

await runMain(async () => {
  const args = process.argv.slice(2)
  const seconds = parseWithin(args)
  await ensureInstalled()
  if (process.env.NODE_USE_ENV_PROXY === undefined || realpathSync(process.execPath) !== realpathSync(node24())) {
    // Node 24 lets fetch heed the proxies that the environment names, when it is told so before it starts.
    return await runOnNode24([import.meta.filename, ...args], { env: { NODE_USE_ENV_PROXY: '1' } })
  }
  // Ending by exit() lets what was begun be cleared away.
  for (const [signal, code] of /** @type {const} */ ([['SIGINT', 130], ['SIGTERM', 143]])) process.once(signal, () => process.exit(code))
  try {
    say(`tensorflow works: ${await ensureTensorflow(seconds * 1000)}`)
    return 0
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    throw new ScriptError(`tensorflow is not available: ${error.message}`, error.exitCode)
  }
})
