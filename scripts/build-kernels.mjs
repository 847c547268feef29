// Compiles kernels/assembly to out/kernels/attention.simd.wasm and attention.relaxed.wasm, when they are missing or
// were made from other sources. Run directly, or call buildKernels().
import { createHash, randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { argv, exit, stderr, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(import.meta.url)
const root = dirname(dirname(script))
const sourceDir = join(root, 'kernels', 'assembly')
const targetDir = join(root, 'out', 'kernels')
const stampFile = join(targetDir, 'fingerprint')

const BUILDS = [
  { file: 'attention.simd.wasm', features: 'threads,simd' },
  { file: 'attention.relaxed.wasm', features: 'threads,simd,relaxed-simd' },
]

/** The memory is the rank's arena: shared, made by the host, up to 4 GiB. Nothing of it is the module's own. */
const OPTIONS = [
  '-O3', '--noAssert', '--runtime', 'stub',
  '--importMemory', '--noExportMemory', '--sharedMemory', '--maximumMemory', '65536',
]

/** The compiler refused the sources. The message is the compiler's own. */
export class KernelCompileError extends Error {
  name = 'KernelCompileError'
}

async function fingerprint() {
  const hash = createHash('sha256')
  const sources = (await readdir(sourceDir)).filter((name) => name.endsWith('.ts')).sort()
  const compiler = join(root, 'node_modules', 'assemblyscript', 'package.json')
  for (const path of [script, compiler, ...sources.map((name) => join(sourceDir, name))]) {
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

async function compile({ file, features }) {
  const { default: asc } = await import('assemblyscript/asc')
  let wasm
  const log = asc.createMemoryStream()
  const { error } = await asc.main(
    [join('kernels', 'assembly', 'attention.ts'), '--baseDir', root, '--outFile', file, '--enable', features, ...OPTIONS],
    { stdout: log, stderr: log, writeFile: (name, content) => { if (name.endsWith('.wasm')) wasm = content } },
  )
  if (error !== null) throw new KernelCompileError(`${file}: ${error.message}\n${log.toString()}`)
  if (log.toString() !== '') stdout.write(log.toString())
  return wasm
}

/**
 * Brings both builds up to date.
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
