// Compiles kernels/assembly to out/kernels/attention.simd.wasm and attention.relaxed.wasm, and main/traces/assembly to
// trace.wasm, when they are missing or were made from other sources. Run directly, or call buildKernels().
import { createHash, randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { argv, exit, stderr, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(import.meta.url)
const root = dirname(dirname(script))
const targetDir = join(root, 'out', 'kernels')
const stampFile = join(targetDir, 'fingerprint')

/** The memory is the rank's arena: shared, made by the host, up to 4 GiB. Nothing of it is the module's own. */
const ARENA = ['--importMemory', '--noExportMemory', '--sharedMemory', '--maximumMemory', '65536']

const BUILDS = [
  { file: 'attention.simd.wasm', entry: 'kernels/assembly/attention.ts', features: 'threads,simd', options: ARENA },
  { file: 'attention.relaxed.wasm', entry: 'kernels/assembly/attention.ts', features: 'threads,simd,relaxed-simd', options: ARENA },
  { file: 'trace.wasm', entry: 'main/traces/assembly/trace.ts', features: 'simd', options: [] },
]

const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub']

/** The compiler refused the sources. The message is the compiler's own. */
export class KernelCompileError extends Error {
  name = 'KernelCompileError'
}

async function fingerprint() {
  const hash = createHash('sha256')
  const folders = [...new Set(BUILDS.map(({ entry }) => dirname(join(root, entry))))]
  const sources = await Promise.all(folders.map(async (folder) =>
    (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort().map((name) => join(folder, name))))
  const compiler = join(root, 'node_modules', 'assemblyscript', 'package.json')
  for (const path of [script, compiler, ...sources.flat()]) {
    hash.update(relative(root, path)).update('\0').update(await readFile(path)).update('\0')
  }
  return hash.digest('hex')
}

async function isFresh(wanted) {
  try {
    await Promise.all(BUILDS.map(({ file }) => readFile(join(targetDir, file))))
    return (await readFile(stampFile, 'utf8')) === wanted
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}

/** Whole or not at all, since several processes may build at once. */
async function replaceFile(path, content) {
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, content)
  await rename(draft, path)
}

async function compile({ file, entry, features, options }) {
  const { default: asc } = await import('assemblyscript/asc')
  let wasm
  const log = asc.createMemoryStream()
  const { error } = await asc.main(
    [entry, '--baseDir', root, '--outFile', file, '--enable', features, ...OPTIONS, ...options],
    { stdout: log, stderr: log, writeFile: (name, content) => { if (name.endsWith('.wasm')) wasm = content } },
  )
  if (error !== null) throw new KernelCompileError(`${file}: ${error.message}\n${log.toString()}`)
  if (log.toString() !== '') stdout.write(log.toString())
  return wasm
}

/**
 * Brings all builds up to date.
 * @param {{ say?: (line: string) => void }} [options] where progress goes; standard output by default
 * @returns {Promise<string>} the folder that holds them
 */
export async function buildKernels({ say = (line) => stdout.write(`${line}\n`) } = {}) {
  const wanted = await fingerprint()
  if (await isFresh(wanted)) return targetDir
  await mkdir(targetDir, { recursive: true })
  for (const build of BUILDS) {
    say(`kernels: compiling ${relative(root, join(targetDir, build.file))}`)
    await replaceFile(join(targetDir, build.file), await compile(build))
  }
  await replaceFile(stampFile, wanted)
  return targetDir
}

if (argv[1] !== undefined && realpathSync(argv[1]) === script) {
  try {
    await buildKernels()
  } catch (error) {
    if (!(error instanceof KernelCompileError)) throw error
    stderr.write(`${error.message}\n`)
    exit(1)
  }
}
