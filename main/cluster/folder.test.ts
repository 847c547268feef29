import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { unpackTar } from 'modern-tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { findInstallation } from '../installation.ts'
import { traceFiles, TracePathError } from '../traces/open/traceFiles.ts'
import { type ClusterFile, clusterFiles } from './clusterFiles.ts'
import { clusterConfig, clusterLaunch } from './clusterOptions.ts'
import { exportCluster } from './exportCluster.ts'
import { writeClusterFolder } from './writeFolder.ts'

const { clusterDir } = findInstallation()
const config = parseRunConfig({ name: 'Zigzag, 4 ranks', world: 4, seqLen: 64, heads: 4, headDim: 16 }, 'test')

let scratch = ''
let files: readonly ClusterFile[] = []
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'ringscope-cluster-'))
  files = await clusterFiles(config, clusterLaunch(config, {}), clusterDir)
})
afterAll(() => {
  rmSync(scratch, { recursive: true })
})

const listOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort()

describe('a cluster folder', () => {
  it('holds the sources, the config as it was checked, its plan, and how to start it; scripts may be executed', async () => {
    const folder = join(scratch, 'deep', 'new')
    await writeClusterFolder(folder, files, { force: false })
    expect(listOf(folder)).toEqual(files.map(({ path }) => path).toSorted())
    expect(listOf(folder)).toEqual(expect.arrayContaining(
      ['README.md', 'config.json', 'plan.json', 'ring_attention.py', 'ringrun/kernels.py', 'slurm.sbatch', 'torchrun.sh']))
    expect(parseRunConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')), 'config.json')).toEqual(config)
    for (const path of listOf(folder)) {
      expect((statSync(join(folder, path)).mode & 0o111) !== 0, path).toBe(/^(ring_attention\.py|torchrun\.sh|slurm\.sbatch)$/.test(path))
    }
    expect(readdirSync(join(scratch, 'deep'))).toEqual(['new'])
  })

  it('says that GPUs compute float32 in tiles, and how to have flash attention', async () => {
    const readmeOf = async (dtype: 'float32' | 'bfloat16'): Promise<string> => {
      const written = await clusterFiles(clusterConfig(config, { dtype }), clusterLaunch(config, { dtype }), clusterDir)
      return Buffer.from(written.find(({ path }) => path === 'README.md')?.bytes ?? []).toString()
    }
    expect(await readmeOf('float32')).toContain('--dtype bfloat16')
    expect(await readmeOf('bfloat16')).not.toContain('takes no float32')
  })

  it('takes an empty folder, refuses one with anything in it, and a file', async () => {
    const empty = join(scratch, 'empty')
    mkdirSync(empty)
    await writeClusterFolder(empty, files, { force: false })
    await expect(writeClusterFolder(empty, files, { force: false })).rejects.toThrow(/an empty folder.*--force/)
    const file = join(scratch, 'file')
    writeFileSync(file, '')
    await expect(writeClusterFolder(file, files, { force: true })).rejects.toThrow(/got a file \(name another place\)/)
  })

  it('--force replaces a folder of its own, results and all, and no other', async () => {
    const folder = join(scratch, 'again')
    await writeClusterFolder(folder, files, { force: false })
    writeFileSync(join(folder, 'result.json'), '{}')
    await writeClusterFolder(folder, files, { force: true })
    expect(listOf(folder)).not.toContain('result.json')
    const foreign = join(scratch, 'foreign')
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'thesis.tex'), 'years of work')
    await expect(writeClusterFolder(foreign, files, { force: true })).rejects.toThrow(/a folder of other files/)
    expect(readFileSync(join(foreign, 'thesis.tex'), 'utf8')).toBe('years of work')
  })

  it('is there whole or not at all: what fails half-way leaves what was there, and nothing else', async () => {
    const folder = join(scratch, 'kept')
    await writeClusterFolder(folder, files, { force: false })
    const before = readdirSync(scratch)
    // A file where a folder should be: the second cannot be written.
    const broken: ClusterFile[] = [...files, { path: 'README.md/more', bytes: new Uint8Array(), executable: false }]
    await expect(writeClusterFolder(folder, broken, { force: true })).rejects.toThrow()
    await expect(writeClusterFolder(join(scratch, 'none'), broken, { force: false })).rejects.toThrow()
    expect(readdirSync(scratch)).toEqual(before)
    expect(listOf(folder)).toEqual(files.map(({ path }) => path).toSorted())
  })

  it('as a download it is the same in an archive, in a folder called like the config', async () => {
    const { fileName, bytes } = await exportCluster(config, clusterDir)
    expect(fileName).toBe('zigzag-4-ranks-cluster.tar.gz')
    const entries = await unpackTar(gunzipSync(bytes))
    expect(entries.map(({ header }) => [header.name, header.mode])).toEqual(
      files.map(({ path, executable }) => [`zigzag-4-ranks-cluster/${path}`, executable ? 0o755 : 0o644]))
    const plan = entries.find(({ header }) => header.name.endsWith('/plan.json'))
    expect(Buffer.from(plan?.data ?? []).equals(Buffer.from(files.find(({ path }) => path === 'plan.json')?.bytes ?? []))).toBe(true)
  })
})

describe('where ranks are', () => {
  const world = (ranks: number): Parameters<typeof clusterLaunch>[0] => parseRunConfig({ world: ranks, seqLen: 64, heads: 4, headDim: 16 }, 'test')

  it.each([
    [4, {}, { nodes: 1, gpusPerNode: 4 }], [64, {}, { nodes: 8, gpusPerNode: 8 }], [12, {}, { nodes: 2, gpusPerNode: 6 }], [11, {}, { nodes: 11, gpusPerNode: 1 }],
    [16, { nodes: 4 }, { nodes: 4, gpusPerNode: 4 }], [16, { gpusPerNode: 16 }, { nodes: 1, gpusPerNode: 16 }],
    [16, { nodes: 8, gpusPerNode: 2 }, { nodes: 8, gpusPerNode: 2 }],
  ])('%i ranks with %o', (ranks, options, expected) => {
    expect(clusterLaunch(world(ranks), options)).toEqual({ ...expected, dtype: 'float32' })
  })

  it('nodes that do not come out even are refused', () => {
    expect(() => clusterLaunch(world(16), { nodes: 3 })).toThrow(InvalidInputError)
    expect(() => clusterLaunch(world(16), { nodes: 2, gpusPerNode: 4 })).toThrow('--nodes and --gpus-per-node: expected a product of world (16), got 2 x 4')
  })

  it('what is computed in bfloat16 travels so', () => {
    expect([clusterConfig(world(2), { dtype: 'bfloat16' }).wireDtype, clusterConfig(world(2), {}).wireDtype]).toEqual(['bfloat16', 'float32'])
  })
})

describe('opening a cluster folder', () => {
  it('its traces and its simulation are opened, not its config, plan and result', async () => {
    const folder = join(scratch, 'ran')
    await writeClusterFolder(folder, files, { force: false })
    expect(() => traceFiles([folder])).toThrow(TracePathError)
    expect(() => traceFiles([folder])).toThrow(/was not run yet.*torchrun\.sh/)
    mkdirSync(join(folder, 'trace'))
    for (const name of ['trace/a-rank-10.pt.trace.json.gz', 'trace/a-rank-2.pt.trace.json.gz', 'simulated.json.gz', 'result.json']) writeFileSync(join(folder, name), '')
    expect(traceFiles([folder])).toEqual(['trace/a-rank-2.pt.trace.json.gz', 'trace/a-rank-10.pt.trace.json.gz', 'simulated.json.gz'].map((name) => join(folder, name)))
  })
})
