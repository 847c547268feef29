import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { ClusterModel } from '../../preload/contract/simulation.ts'
import { slug } from '../config/slug.ts'
import { checkTimelineSize } from '../simulator/circumstances.ts'
import { simulate } from '../simulator/simulate.ts'
import { traceBytes } from '../traces/save/exportTrace.ts'
import { CLUSTER_SIMULATION } from './clusterFolder.ts'
import type { ClusterLaunch } from './clusterOptions.ts'
import { slurmScript, torchrunScript } from './launchScripts.ts'
import { planFile } from './planFile.ts'
import { readme } from './readme.ts'

/** A file of a cluster folder. */
export interface ClusterFile {
  /** Within the folder, with slashes. */
  readonly path: string
  readonly bytes: Uint8Array
  readonly executable: boolean
}

const encoder = new TextEncoder()

const textFile = (path: string, text: string, executable = false): ClusterFile => ({ path, bytes: encoder.encode(text), executable })

/** The Python sources as they are in the installation. @param folder of ring_attention.py */
async function sources(folder: string): Promise<ClusterFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.py')).map((entry) => join(entry.parentPath, entry.name)).sort()
  return Promise.all(paths.map(async (path): Promise<ClusterFile> => {
    const name = relative(folder, path).replaceAll(sep, '/')
    return { path: name, bytes: await readFile(path), executable: name === 'ring_attention.py' }
  }))
}

/**
 * A simulated iteration as a trace. What is computed in bfloat16 travels so, but for sums of gradients.
 * @throws InvalidInputError where it would be too long.
 */
async function simulationFile(config: RunConfig, { dtype }: ClusterLaunch, cluster: ClusterModel): Promise<ClusterFile> {
  checkTimelineSize(config)
  const elementBytes = dtype === 'bfloat16' ? { kv: 2, query: 2, gradient: 4 } : null
  return { path: CLUSTER_SIMULATION, bytes: await traceBytes(simulate(config, { ...cluster, elementBytes }), { gzip: true }), executable: false }
}

/**
 * Everything that a cluster folder holds before it was run: nothing is missing but PyTorch. The schedule goes with it as
 * data (see {@link planFile}), so that what a cluster runs is what is simulated and what Ringscope's own ranks run.
 * @param clusterDir where the installation has the Python sources.
 * @param simulated what the cluster is made of; with it, its simulation lies in the folder and opens beside the results.
 */
export async function clusterFiles(config: RunConfig, launch: ClusterLaunch, clusterDir: string, simulated: ClusterModel | null = null): Promise<ClusterFile[]> {
  const name = slug(config.name)
  return [
    ...await sources(clusterDir),
    textFile('config.json', `${JSON.stringify(config, null, 2)}\n`),
    textFile('plan.json', `${JSON.stringify(planFile(config, planRun(config), name))}\n`),
    textFile('torchrun.sh', torchrunScript(launch), true),
    textFile('slurm.sbatch', slurmScript(name, launch), true),
    textFile('README.md', readme(config, launch, simulated)),
    ...(simulated === null ? [] : [await simulationFile(config, launch, simulated)]),
  ]
}
