import { InvalidInputError, type Problem } from '../../kernels/config/problem.ts'
import type { RunConfig, WireDtype } from '../../kernels/config/runConfig.ts'

/** Ranks by node and the precision of a cluster run; what is left out follows from the config. */
export interface ClusterOptions {
  readonly nodes?: number
  readonly gpusPerNode?: number
  /** Precision that blocks are computed in. */
  readonly dtype?: WireDtype
}

/** Where the ranks of a cluster run are, and what they compute in. */
export interface ClusterLaunch {
  readonly nodes: number
  readonly gpusPerNode: number
  readonly dtype: WireDtype
}

/** GPUs of a node where nothing says: what most have. */
const USUAL_GPUS = 8

function mostGpusThatDivide(world: number): number {
  for (let gpus = Math.min(world, USUAL_GPUS); gpus > 1; gpus--) if (world % gpus === 0) return gpus
  return 1
}

/**
 * Divides the ranks among nodes, all alike.
 * @throws InvalidInputError where they do not come out even.
 */
export function clusterLaunch(config: RunConfig, { nodes, gpusPerNode, dtype }: ClusterOptions): ClusterLaunch {
  const { world } = config
  const problems: Problem[] = []
  const divisor = (path: string, value: number | undefined): void => {
    if (value !== undefined && world % value !== 0) problems.push({ path, expected: `a divisor of world (${world})`, given: String(value) })
  }
  divisor('--nodes', nodes)
  divisor('--gpus-per-node', gpusPerNode)
  if (problems.length === 0 && nodes !== undefined && gpusPerNode !== undefined && nodes * gpusPerNode !== world) {
    problems.push({
      path: '--nodes and --gpus-per-node', expected: `a product of world (${world})`, given: `${nodes} x ${gpusPerNode}`,
      hint: 'each GPU is a rank: leave one of the two out, or set "world"',
    })
  }
  if (problems.length > 0) throw new InvalidInputError('the command line', problems)
  const gpus = gpusPerNode ?? (nodes === undefined ? mostGpusThatDivide(world) : world / nodes)
  return { nodes: world / gpus, gpusPerNode: gpus, dtype: dtype ?? config.wireDtype }
}

/** The config that a cluster runs: K and V computed in bfloat16 have no more precision to send. */
export const clusterConfig = (config: RunConfig, { dtype }: ClusterOptions): RunConfig =>
  (dtype === 'bfloat16' ? { ...config, wireDtype: 'bfloat16' } : config)
