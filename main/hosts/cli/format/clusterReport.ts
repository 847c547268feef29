import type { RunConfig } from '../../../../kernels/config/runConfig.ts'
import type { ClusterLaunch } from '../../../cluster/clusterOptions.ts'

/** `ringscope cluster --json`: the folder that was written. */
export interface ClusterReport extends ClusterLaunch {
  readonly folder: string
  readonly config: RunConfig
  /** The cluster whose simulation is in the folder, in words; null where there is none. */
  readonly simulated: string | null
  readonly files: readonly string[]
}

/** What to do next, for people. */
export const formatClusterReport = ({ folder, config, nodes, gpusPerNode, dtype, simulated, files }: ClusterReport): string => `\
${config.name}: ${config.world} ranks as ${nodes} x ${gpusPerNode} GPUs in ${dtype}, ${files.length} files in ${folder}
${simulated === null ? '' : `With a simulation of: ${simulated}\n`}
Run it where PyTorch is:   bash ${folder}/torchrun.sh
or by Slurm, from there:   sbatch slurm.sbatch
Open what it measured:     ringscope serve ${folder}
`
