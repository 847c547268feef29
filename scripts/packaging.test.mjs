import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './lib/project.mjs'

const builder = createRequire(createRequire(import.meta.url).resolve('electron-builder'))
const { getConfig } = builder('app-builder-lib/out/util/config/config')
const { getNodeModuleFileMatcher } = builder('app-builder-lib/out/fileMatcher')

const DAWN = ['darwin-universal', 'linux-arm64', 'linux-x64', 'win32-arm64', 'win32-x64']

/** @param {string} platform @param {string} arch */
async function packagedFilter(platform, arch) {
  const config = await getConfig(root, 'electron.builder.yml', null)
  const expand = (/** @type {string} */ pattern) => pattern.replaceAll(/\$\{arch\}/g, arch)
  const filter = getNodeModuleFileMatcher(root, '/target', expand, config[platform], { config, debugLogger: { isEnabled: false } }).createFilter()
  const file = { isDirectory: () => false }
  return (/** @type {string} */ path) => /** @type {boolean} */ (filter(join(root, path), file))
}

test.each([
  ['linux', 'x64', 'linux-x64'], ['linux', 'arm64', 'linux-arm64'], ['mac', 'arm64', 'darwin-universal'], ['win', 'x64', 'win32-x64'],
])('a package for %s on %s has its own Dawn and no other', async (platform, arch, own) => {
  const isPackaged = await packagedFilter(platform, arch)
  expect(DAWN.filter((folder) => isPackaged(`node_modules/webgpu/dist/${folder}/dawn.node`))).toEqual([own])
  expect(['index.js', 'package.json', 'node_modules/debug/package.json'].every((path) => isPackaged(`node_modules/webgpu/${path}`))).toBe(true)
})

test('a package has no TensorFlow library, whatever a checkout has', async () => {
  const isPackaged = await packagedFilter('linux', 'x64')
  const path = (/** @type {string} */ name) => `node_modules/@tensorflow/tfjs-node-gpu/${name}`
  expect(['deps/lib/libtensorflow_cc.so.2', 'deps/cpu-only', 'lib/napi-v8/tfjs_binding.node'].filter((name) => isPackaged(path(name)))).toEqual([])
  expect(['package.json', 'dist/index.js'].every((name) => isPackaged(path(name)))).toBe(true)
})
