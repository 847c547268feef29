import { spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ScriptError, at, say } from '../project.mjs'
import { unzip } from '../unzip.mjs'
import { LIBRARIES } from './library.mjs'
import { addonFile, librariesFolder, packageFolder, removeAddon } from './package.mjs'

/** The headers of TensorFlow that the package's sources include; tensorflowC.h stands for all of them. */
const HEADERS = ['c/c_api.h', 'c/eager/c_api.h', 'c/tf_datatype.h', 'c/tf_status.h', 'c/tf_tensor.h', 'core/platform/ctstring_internal.h']
const SOURCES = ['tfjs_backend.cc', 'tfjs_binding.cc']

/**
 * A C++ compiler that can be started.
 * @returns {string | null}
 */
export function findCompiler(candidates = [process.env.CXX ?? '', 'g++', 'clang++', 'c++']) {
  return candidates.find((name) => name !== '' && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) ?? null
}

/**
 * Builds the addon from the package's own sources against the libraries of a distribution, and puts both where the
 * package expects them: the addon last, for where it is, TensorFlow counts as installed.
 * @param {string} compiler
 * @param {{ folder: string, label: string }} artifact
 * @param {string} archive
 * @throws {ScriptError} when something does not build
 */
export async function buildAddon(compiler, artifact, archive) {
  // One at a time: what a build that was killed left here is gone now.
  const stage = join(packageFolder(), '.ringscope-build')
  rmSync(stage, { recursive: true, force: true })
  try {
    const libraries = join(stage, 'deps', 'lib')
    mkdirSync(libraries, { recursive: true })
    await unzip(archive, Object.fromEntries(LIBRARIES.map((name) => [`${artifact.folder}/${name}`, join(libraries, name)])))
    for (const header of HEADERS) {
      const path = join(stage, 'include', 'tensorflow', header)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `#include ${JSON.stringify(join(import.meta.dirname, 'tensorflowC.h'))}\n`)
    }
    const addon = join(stage, 'tfjs_binding.node')
    const started = performance.now()
    const { status, stderr } = spawnSync(compiler, [
      '-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8',
      `-I${join(stage, 'include')}`, `-I${at('node_modules', 'node-api-headers', 'include')}`,
      ...SOURCES.map((source) => join(packageFolder(), 'binding', source)), '-o', addon,
      // The libraries are found from where the addon lies, whatever process loads it.
      '-Wl,-rpath,$ORIGIN/../../deps/lib', `-L${libraries}`, ...LIBRARIES.map((name) => `-l:${name}`),
    ], { encoding: 'utf8' })
    if (status !== 0) throw new ScriptError(`${compiler} cannot build the addon:\n${stderr.trim().split('\n').slice(-20).join('\n')}`)
    say(`built the addon with ${compiler} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    removeAddon()
    mkdirSync(dirname(librariesFolder()), { recursive: true })
    renameSync(libraries, librariesFolder())
    // Tells `findTensorflow` (kernels/backends/tfjs/runtimes.ts) that there is no GPU to look for.
    writeFileSync(join(dirname(librariesFolder()), 'cpu-only'), `${artifact.label}\n`)
    mkdirSync(dirname(addonFile()), { recursive: true })
    renameSync(addon, addonFile())
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}
