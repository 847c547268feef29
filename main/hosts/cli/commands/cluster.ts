import { clusterFiles } from '../../../cluster/clusterFiles.ts'
import { clusterConfig, type ClusterLaunch, clusterLaunch, type ClusterOptions } from '../../../cluster/clusterOptions.ts'
import { clusterFolderName } from '../../../cluster/exportCluster.ts'
import { writeClusterFolder } from '../../../cluster/writeFolder.ts'
import { loadConfigFile } from '../../../config/configFile.ts'
import type { ClusterModel } from '../../../../preload/contract/simulation.ts'
import { writeResult, type CliContext } from '../context.ts'
import { isSystemError, OutputError, UsageError } from '../errors.ts'
import { formatClusterReport } from '../format/clusterReport.ts'
import { clusterAsked, tablesHere } from './planQuestions.ts'

export interface ClusterCommandOptions extends ClusterOptions {
  readonly set: readonly string[]
  readonly out?: string
  /** As of `plan`: what the simulation in the folder is made of. */
  readonly accelerator?: string
  readonly link?: string
  readonly interLink?: string
  readonly force: boolean
  readonly json: boolean
}

/** The cluster to simulate; null where no option names one. */
async function simulatedCluster({ accelerator, link, interLink }: ClusterCommandOptions, { nodes, gpusPerNode }: ClusterLaunch, headDim: number,
  context: CliContext): Promise<ClusterModel | null> {
  if ([accelerator, link, interLink].every((option) => option === undefined)) return null
  if (interLink !== undefined && nodes === 1) throw new UsageError('--inter-link: all ranks are on one node; say how many there are with --nodes')
  if (interLink === undefined && nodes > 1) throw new UsageError(`--accelerator: the ranks are on ${nodes} nodes; name the link between these with --inter-link`)
  const named = { ...(accelerator !== undefined && { accelerator }), ...(link !== undefined && { link }) }
  const between = interLink === undefined ? {} : { interLink, nodesOf: gpusPerNode }
  return clusterAsked({ ...named, ...between }, await tablesHere(context), headDim)
}

export async function cluster(configPath: string, options: ClusterCommandOptions, context: CliContext): Promise<void> {
  const given = await loadConfigFile(configPath, options.set)
  const launch = clusterLaunch(given, options)
  const config = clusterConfig(given, options)
  const folder = options.out ?? clusterFolderName(config)
  const simulated = await simulatedCluster(options, launch, config.headDim, context)
  const files = await clusterFiles(config, launch, context.installation.clusterDir, simulated)
  await writeClusterFolder(folder, files, { force: options.force }).catch((error: unknown) => {
    throw isSystemError(error) ? new OutputError(`could not write ${folder}: ${error.message}`, { cause: error }) : error
  })
  if (config.wireDtype !== given.wireDtype) context.terminal.note('K and V travel as bfloat16, as they are computed: wireDtype was set so')
  const report = { folder, config, ...launch, simulated: simulated?.label ?? null, files: files.map(({ path }) => path) }
  await writeResult(context, options.json, report, () => formatClusterReport(report))
}
