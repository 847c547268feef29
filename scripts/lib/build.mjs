import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ScriptError, at, readJson, root, say } from './project.mjs'
import { runOnNode24 } from './node24.mjs'

const STAMP = 'out/.build.json'

/** The parts of a build, in order: what each is made from, and what shows that it was made. */
const PARTS = [
  {
    name: 'kernels',
    inputs: ['kernels/assembly', 'main/traces/assembly', 'scripts/build-kernels.mjs', 'package-lock.json'],
    outputs: ['out/kernels/attention.simd.wasm', 'out/kernels/attention.relaxed.wasm', 'out/kernels/trace.wasm'],
    args: ['--input-type=module', '--eval', "await (await import('./scripts/build-kernels.mjs')).buildKernels()"],
  },
  {
    name: 'app',
    inputs: ['kernels', 'main', 'preload', 'renderer', 'electron.vite.config.ts', 'tsconfig.base.json', 'package-lock.json'],
    outputs: ['out/main/index.js', 'out/main/cli.js', 'out/main/rank.js', 'out/main/comm.js', 'out/main/sweep.js',
      'out/main/rates.js', 'out/main/probe.js', 'out/main/plan.js', 'out/main/planner.js', 'out/main/trace.js', 'out/preload/index.cjs', 'out/renderer/index.html'],
    args: ['node_modules/electron-vite/bin/electron-vite.js', 'build', '--logLevel', 'warn'],
  },
]

/**
 * @param {string} path
 * @returns {string[]} the files under it that a build reads, relative to the root
 */
function filesUnder(path) {
  if (!existsSync(at(path))) return []
  const folders = [path]
  const files = []
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries
    try {
      entries = readdirSync(at(folder), { withFileTypes: true })
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOTDIR') return [path]
      throw error
    }
    for (const entry of entries) {
      const child = `${folder}/${entry.name}`
      if (entry.isDirectory()) folders.push(child)
      else if (entry.isFile() && !/\.test\.ts$/.test(entry.name)) files.push(child)
    }
  }
  return files.sort()
}

/**
 * A digest of everything a part is built from. Contents, not times: a checkout or a copy changes times.
 * @param {readonly string[]} inputs
 */
function digest(inputs) {
  const hash = createHash('sha256')
  for (const file of inputs.flatMap(filesUnder)) hash.update(`${file}\0`).update(readFileSync(at(file))).update('\0')
  return hash.digest('hex')
}

/**
 * Builds what is missing or older than its sources.
 *
 * A part's stamp goes before its build starts and comes when it is done, so an interrupted build is built again.
 * @param {{ force?: boolean, only?: 'kernels' }} [options] `force` builds what is up to date as well
 * @throws {ScriptError} when a build fails
 */
export async function ensureBuilt(options = {}) {
  for (const part of PARTS) {
    if (options.only !== undefined && part.name !== options.only) continue
    const stamps = readJson(at(STAMP)) ?? {}
    const wanted = digest(part.inputs)
    const missing = part.outputs.find((output) => !existsSync(at(output)))
    if (options.force !== true && stamps[part.name] === wanted && missing === undefined) continue
    const reason = options.force === true ? 'as asked'
      : stamps[part.name] === undefined ? 'not built yet'
        : missing !== undefined ? `${missing} is missing` : 'its sources changed'
    say(`building the ${part.name} (${reason})`)
    writeStamps({ ...stamps, [part.name]: undefined })
    const started = performance.now()
    const code = await runOnNode24(part.args)
    if (code !== 0) throw new ScriptError(`building the ${part.name} failed (exit code ${code})`, code)
    const lacking = part.outputs.find((output) => !existsSync(at(output)))
    if (lacking !== undefined) throw new ScriptError(`building the ${part.name} ended well but did not make ${lacking}`)
    writeStamps({ ...readJson(at(STAMP)), [part.name]: wanted })
    say(`built the ${part.name} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }
}

/** @param {Record<string, string | undefined>} stamps */
function writeStamps(stamps) {
  mkdirSync(join(root, 'out'), { recursive: true })
  const path = at(STAMP)
  if (Object.keys(stamps).length === 0) rmSync(path, { force: true })
  else writeFileSync(path, `${JSON.stringify(stamps, null, 2)}\n`)
}
