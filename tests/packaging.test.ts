import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, temporaryFolder } from './support/paths.ts'

/** Marks the place of the fuses in Electron's binary; then come the version of their layout, their number and one digit each. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
const FUSES = [
  'runAsNode', 'enableCookieEncryption', 'enableNodeOptionsEnvironmentVariable', 'enableNodeCliInspectArguments',
  'enableEmbeddedAsarIntegrityValidation', 'onlyLoadAppFromAsar', 'loadBrowserProcessSpecificV8Snapshot', 'grantFileProtocolExtraPrivileges',
]

/** A distribution of Electron with nothing in it but what packing looks at: the true one may be out of reach. */
function hollowElectron(folder: string): string {
  mkdirSync(join(folder, 'resources'), { recursive: true })
  mkdirSync(join(folder, 'locales'))
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/electron/package.json'), 'utf8')) as { version: string }
  writeFileSync(join(folder, 'version'), version)
  const fuses = Buffer.concat([Buffer.from(FUSE_SENTINEL), Buffer.from([1, FUSES.length]), Buffer.from('1'.repeat(FUSES.length))])
  writeFileSync(join(folder, 'electron'), fuses, { mode: 0o755 })
  return folder
}

function fusesOf(executable: string): Record<string, boolean> {
  const bytes = readFileSync(executable)
  const at = bytes.indexOf(FUSE_SENTINEL) + FUSE_SENTINEL.length + 2
  return Object.fromEntries(FUSES.map((name, index) => [name, bytes[at + index] === '1'.charCodeAt(0)]))
}

interface AsarFolder { readonly files: Record<string, AsarFolder | { readonly size: number, readonly unpacked?: boolean }> }

/** Every file in an archive; its header is JSON after four 32-bit lengths. */
function filesIn(archive: string): Map<string, { readonly unpacked: boolean }> {
  const file = openSync(archive, 'r')
  const lengths = Buffer.alloc(16)
  readSync(file, lengths, 0, 16, 0)
  const header = Buffer.alloc(lengths.readUInt32LE(12))
  readSync(file, header, 0, header.length, 16)
  closeSync(file)
  const found = new Map<string, { readonly unpacked: boolean }>()
  const visit = (folder: AsarFolder, path: string): void => {
    for (const [name, entry] of Object.entries(folder.files)) {
      if ('files' in entry) visit(entry, `${path}${name}/`)
      else found.set(path + name, { unpacked: entry.unpacked === true })
    }
  }
  visit(JSON.parse(header.toString()) as AsarFolder, '')
  return found
}

// The executable's name and the archive's place differ elsewhere; what is tested here does not.
describe.runIf(process.platform === 'linux')('npm run package', () => {
  it('packs the built app with what it loads at run time and nothing else, and sets the fuses', () => {
    const folder = temporaryFolder()
    execFileSync(process.execPath, [
      'node_modules/electron-builder/cli.js', '--dir', '--config', 'electron.builder.yml', '--publish', 'never',
      `-c.electronDist=${hollowElectron(join(folder, 'electron'))}`, `-c.directories.output=${join(folder, 'dist')}`,
    ], { cwd: root, stdio: 'pipe' })
    const packed = join(folder, 'dist/linux-unpacked')
    const files = filesIn(join(packed, 'resources/app.asar'))
    const paths = [...files.keys()]

    for (const path of [
      'package.json', 'out/main/index.js', 'out/main/rank.js', 'out/main/comm.js', 'out/main/sweep.js', 'out/main/trace.js', 'out/preload/index.cjs',
      'out/renderer/index.html', 'out/kernels/trace.wasm', 'main/cluster/python/ring_attention.py', 'main/cluster/python/ringrun/kernels.py',
      'node_modules/@tensorflow/tfjs-core/package.json', 'node_modules/zod/package.json',
    ]) expect(paths, path).toContain(path)
    expect(paths.filter((path) => /^out\/kernels\/.*\.wasm$/.test(path))).toHaveLength(3)
    expect(paths.filter((path) => /^fixtures\/configs\/.*\.json$/.test(path)).length).toBeGreaterThanOrEqual(6)
    expect(paths.filter((path) => /^(main(?!\/cluster\/python\/.*\.py$)|kernels|renderer|preload|tests|scripts|docs|bench|dist)\/|^out\/(test-results|\.build)|^node_modules\/(vite|electron|vue|echarts)\//.test(path))).toEqual([])

    const dawn = paths.filter((path) => path.startsWith('node_modules/webgpu/dist/'))
    expect(dawn).toEqual([`node_modules/webgpu/dist/linux-${process.arch}/dawn.node`])
    expect(paths.filter((path) => path.endsWith('.node') && files.get(path)?.unpacked !== true)).toEqual([])
    expect(paths.filter((path) => /libtensorflow.*\.so|tfjs_binding\.node/.test(path))).toEqual([])

    expect(fusesOf(join(packed, 'ringscope'))).toMatchObject({
      runAsNode: false, enableNodeOptionsEnvironmentVariable: false, enableNodeCliInspectArguments: false,
      onlyLoadAppFromAsar: true, enableEmbeddedAsarIntegrityValidation: true, grantFileProtocolExtraPrivileges: false,
    })
  })
})
