import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { acceptDownload, download, isCached } from '../download.mjs'
import { ScriptError, say } from '../project.mjs'

/** TensorFlow's shared libraries, as the addon links them: the first has the C interface and needs the second. */
export const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']

/**
 * @typedef {object} Artifact a distribution of TensorFlow for Linux x64, CPU only, in a public package registry
 * @property {string} label
 * @property {string} file its name in the registry and in the cache
 * @property {string} sha256
 * @property {number} megabytes
 * @property {string} folder of the libraries within
 * @property {(target: string, sha256: string, signal: AbortSignal) => Promise<void>} fetch
 */

const JAVA_VERSION = '0.5.0'
const WHEEL_VERSION = '2.15.1'

/**
 * Best first: the Java distribution's jar is half as large, needs nothing but HTTP, and its TensorFlow (2.10) is next to
 * the one that the addon was written for (2.9). The digests are those of the files that the registries publish.
 * @type {readonly Artifact[]}
 */
export const ARTIFACTS = [
  {
    label: 'TensorFlow 2.10.1 in the Java distribution (Maven)',
    file: `tensorflow-core-api-${JAVA_VERSION}-linux-x86_64.jar`,
    sha256: 'f394c5be26c8f3b644cdc77e6741b2cfe774caa8aedeb969c50e074444feac55',
    megabytes: 117,
    folder: 'org/tensorflow/internal/c_api/linux-x86_64',
    fetch(target, sha256, signal) {
      const url = `${mavenRepository()}/org/tensorflow/tensorflow-core-api/${JAVA_VERSION}/${this.file}`
      return download(url, target, sha256, { signal })
    },
  },
  {
    label: 'TensorFlow 2.15.1 in the Python wheel (PyPI)',
    file: `tensorflow_cpu-${WHEEL_VERSION}-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl`,
    sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
    megabytes: 207,
    folder: 'tensorflow',
    fetch: pipDownload,
  },
]

/**
 * The Maven repository to fetch from: RINGSCOPE_MAVEN_REPOSITORY, else the mirror of Maven Central that the user's
 * settings name, else Maven Central.
 * @param {Record<string, string | undefined>} env
 * @param {string} settingsFile
 */
export function mavenRepository(env = process.env, settingsFile = join(homedir(), '.m2', 'settings.xml')) {
  const chosen = env.RINGSCOPE_MAVEN_REPOSITORY
    || (existsSync(settingsFile) ? mirrorOfCentral(readFileSync(settingsFile, 'utf8')) : null)
    || 'https://repo1.maven.org/maven2'
  return chosen.replace(/\/+$/, '')
}

/**
 * @param {string} settings the XML of a Maven settings file
 * @returns {string | null}
 */
function mirrorOfCentral(settings) {
  const withoutComments = settings.replaceAll(/<!--[\s\S]*?-->/g, '')
  for (const [, mirror] of withoutComments.matchAll(/<mirror>([\s\S]*?)<\/mirror>/g)) {
    const mirrored = /<mirrorOf>\s*([^<]*?)\s*<\/mirrorOf>/.exec(mirror)?.[1].split(/\s*,\s*/) ?? []
    const url = /<url>\s*([^<]*?)\s*<\/url>/.exec(mirror)?.[1]
    const covers = mirrored.some((pattern) => ['central', '*', 'external:*'].includes(pattern)) && !mirrored.includes('!central')
    if (covers && url !== undefined && url !== '') return url
  }
  return null
}

/**
 * Through pip, so that the index, proxy and certificates that it is configured for are used.
 * @type {Artifact['fetch']}
 */
async function pipDownload(target, sha256, signal) {
  const folder = mkdtempSync(`${target}.`)
  try {
    const code = await new Promise((resolve, reject) => {
      const pip = spawn('python3', ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check',
        '--platform', 'manylinux2014_x86_64', '--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311',
        '--retries', '1', '--timeout', '15', '--dest', folder, `tensorflow-cpu==${WHEEL_VERSION}`], { stdio: ['ignore', 'inherit', 'inherit'], signal })
      pip.once('error', (error) => reject(new ScriptError(signal.aborted ? String(signal.reason.message) : `pip cannot be started: ${error.message}`)))
      pip.once('close', resolve)
    })
    if (code !== 0) throw new ScriptError(`pip ended with code ${code}`)
    await acceptDownload(join(folder, basename(target)), target, sha256)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The user's cache folder, by the rule of the XDG base directory specification. */
export function cacheFolder(env = process.env) {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ringscope')
}

/**
 * Brings one of the distributions to the cache, where it stays: the next install unpacks it from there.
 * @param {AbortSignal} signal
 * @returns {Promise<{ artifact: Artifact, path: string }>}
 * @throws {ScriptError} when none can be had
 */
export async function obtainLibrary(signal) {
  const folder = cacheFolder()
  mkdirSync(folder, { recursive: true })
  for (const artifact of ARTIFACTS) {
    const path = join(folder, artifact.file)
    if (!await isCached(path, artifact.sha256)) continue
    say(`${artifact.label} is in the cache: ${path}`)
    return { artifact, path }
  }
  const reasons = []
  for (const artifact of ARTIFACTS) {
    const path = join(folder, artifact.file)
    say(`fetching ${artifact.label}, ${artifact.megabytes} MB`)
    const started = performance.now()
    try {
      await artifact.fetch(path, artifact.sha256, signal)
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error
      signal.throwIfAborted()
      reasons.push(error.message)
      say(`that did not work: ${error.message}`)
      continue
    }
    say(`fetched it in ${((performance.now() - started) / 1000).toFixed(1)} s; it stays in ${folder}`)
    return { artifact, path }
  }
  throw new ScriptError(`no registry gives a TensorFlow library (${reasons.join('; ')})`)
}
