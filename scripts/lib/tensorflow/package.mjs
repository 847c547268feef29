import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runInstaller } from '../installer.mjs'
import { node24 } from '../node24.mjs'
import { at, root } from '../project.mjs'

/** The npm package with TensorFlow's Node backend: its sources come with the install, its native addon does not. */
export const PACKAGE = '@tensorflow/tfjs-node-gpu'
export const packageFolder = () => at('node_modules', ...PACKAGE.split('/'))
/** Where the package looks for its addon (N-API 8 is the newest that it knows), and the addon for its libraries. */
export const addonFile = () => join(packageFolder(), 'lib', 'napi-v8', 'tfjs_binding.node')
export const librariesFolder = () => join(packageFolder(), 'deps', 'lib')

const TRIAL_MS = 120_000
const MARKER = 'ringscope-tensorflow '

/** Loads the backend as a rank does, in a process that may crash, and multiplies two matrices. */
const TRIAL = `
import { loadTensorflow } from './kernels/backends/tfjs/runtimes.ts'
const { tf, device } = await loadTensorflow()
const product = tf.matMul(tf.tensor3d([1, 2, 3, 4], [1, 2, 2]), tf.tensor3d([5, 6, 7, 8], [1, 2, 2]))
const right = String([...await product.data()]) === '19,22,43,50'
console.log('${MARKER}' + (right ? device : ''))
`

/**
 * Whether the addon is there, loads and computes.
 * @returns {Promise<{ works: true, device: string } | { works: false, reason: string }>}
 */
export function tryAddon() {
  if (!existsSync(addonFile())) return Promise.resolve({ works: false, reason: 'its native addon is not there' })
  return new Promise((resolve) => {
    execFile(node24(), ['--input-type=module', '--eval', TRIAL], { cwd: root, timeout: TRIAL_MS }, (error, stdout, stderr) => {
      const answer = stdout.split('\n').find((line) => line.startsWith(MARKER))
      if (answer === MARKER) resolve({ works: false, reason: 'its addon computes a wrong product' })
      else if (answer !== undefined) resolve({ works: true, device: answer.slice(MARKER.length) })
      else resolve({ works: false, reason: `its addon does not load: ${/Error: (.+)/.exec(stderr)?.[1] ?? error?.message.split('\n')[0] ?? 'it said nothing'}` })
    })
  })
}

/** Takes away what an install that failed may have left. */
export function removeAddon() {
  for (const folder of ['lib', 'deps']) rmSync(join(packageFolder(), folder), { recursive: true, force: true })
}

/**
 * The package's own install: downloads TensorFlow 2.9.1 for GPUs and an addon built for it.
 * @param {{ stallMs: number, timeoutMs: number }} patience
 * @returns {Promise<string | null>} why it did not work; null when it ended well
 */
export async function runOwnInstall({ stallMs, timeoutMs }) {
  removeAddon()
  const manifest = join(packageFolder(), 'package.json')
  const before = readFileSync(manifest)
  const { code, output, gaveUp } = await runInstaller([join('scripts', 'install.js'), 'gpu', 'download'], {
    cwd: packageFolder(), folders: [join(packageFolder(), 'deps'), join(packageFolder(), 'lib')], stallMs, timeoutMs,
    // It calls node-pre-gyp by name, as npm lets install scripts do.
    env: { PATH: `${at('node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}` },
  })
  // While it works it changes its own manifest, and does not change it back when it is ended.
  writeFileSync(manifest, before)
  if (gaveUp !== null) return gaveUp
  if (code === 0) return null
  return /Error: (.+)/.exec(output)?.[1] ?? output.trim().split('\n').at(-1) ?? `exit code ${code}`
}
