import { availableParallelism } from 'node:os'
import { arenaBytes } from '../../kernels/backends/arena.ts'
import type { ConcreteBackendId } from '../../kernels/backends/backend.ts'
import { resolveBackend, scratchBytes } from '../../kernels/backends/create.ts'
import { InvalidInputError, quoteValue } from '../../kernels/config/problem.ts'
import { runConfigSchema, type RunConfig, type TransportId } from '../../kernels/config/runConfig.ts'
import { flopsPerPairIn, type Plan } from '../../kernels/plan/plan.ts'
import { arenaSpec } from '../../kernels/rank/schedule.ts'
import { tmpfsBytes } from '../../kernels/transport/routes.ts'
import { copyThreads, tmpfsState, type TmpfsState } from '../../kernels/transport/tmpfs.ts'
import type { Installation } from '../installation.ts'
import { backendProbers } from '../machine/backendProbers.ts'
import { deviceEnvironments } from './gpuDevices.ts'
import type { RankHost } from './rankHost.ts'

export type ConcreteTransport = Exclude<TransportId, 'auto'>

/** Everything that is decided about a run before its first process starts. */
export interface Preparation {
  readonly backend: ConcreteBackendId
  readonly transport: ConcreteTransport
  readonly copyThreads: number
  /** Variables of each rank's process. */
  readonly environments: readonly Record<string, string>[]
  readonly warnings: readonly string[]
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/**
 * Which transport a run takes, and what to say about it.
 * @param neededBytes what all ranks' files take on tmpfs.
 * @throws InvalidInputError when shared memory was asked for by name and cannot be had.
 */
export function resolveTransport(
  requested: TransportId, neededBytes: number, tmpfs: TmpfsState,
): { readonly transport: ConcreteTransport; readonly warnings: readonly string[] } {
  if (requested === 'socket') return { transport: 'socket', warnings: [] }
  const obstacle = !tmpfs.available ? tmpfs.reason : tmpfs.freeBytes < neededBytes
    ? `${tmpfs.folder} has ${mebibytes(tmpfs.freeBytes)} left and this run needs ${mebibytes(neededBytes)}`
    : null
  if (obstacle === null) return { transport: 'shared-memory', warnings: [] }
  if (requested === 'shared-memory') {
    throw new InvalidInputError('the config of the run', [{
      path: 'transport', expected: '"socket" or "auto" on this machine', given: quoteValue(requested), hint: obstacle,
    }])
  }
  return { transport: 'socket', warnings: [`blocks travel over sockets: ${obstacle}`] }
}

/** Fields of other algorithms and layouts: they are accepted, so that one config can be tried with several, and must not seem to act. */
export function idleFieldWarnings(config: RunConfig): string[] {
  const idle = (field: 'window' | 'ulyssesDegree' | 'cyclicWidth', user: 'algorithm' | 'layout', used: string): string[] =>
    (config[user] === used || config[field] === runConfigSchema.shape[field].parse(undefined) ? []
      : [`${field} ${config[field]} has no effect with ${user} "${config[user]}"`])
  return [
    ...idle('window', 'algorithm', 'double-ring'), ...idle('ulyssesDegree', 'algorithm', 'hybrid'),
    ...idle('cyclicWidth', 'layout', 'block-cyclic'),
  ]
}

function capacityWarnings(config: RunConfig, backend: ConcreteBackendId, cores: number): string[] {
  const warnings: string[] = []
  if (backend === 'modelled' && config.model !== null) {
    warnings.push(`compute is modelled at ${config.model.gflops} GFLOP/s a rank: these times say nothing about this machine's speed`)
  }
  if (config.world > cores) {
    warnings.push(`${config.world} ranks share ${cores} CPU ${cores === 1 ? 'core' : 'cores'}: they take turns, which shows as longer compute and waiting`)
  }
  return warnings
}

/**
 * Decides backend, transport and devices of a run, and refuses what cannot run.
 * @throws BackendUnavailableError, ArenaTooLargeError, InvalidInputError
 */
export async function prepareRun(config: RunConfig, plan: Plan, installation: Installation, rankHost: RankHost): Promise<Preparation> {
  const backend = await resolveBackend(config.backend, backendProbers(installation, rankHost))
  for (const rank of plan.ranks) {
    const spec = arenaSpec(config, rank)
    arenaBytes(spec, scratchBytes(backend.id, spec))
  }
  const cores = availableParallelism()
  const { transport, warnings } = resolveTransport(config.transport, tmpfsBytes(plan), tmpfsState())
  const devices = await deviceEnvironments(config, backend.id)
  return {
    transport,
    backend: backend.id,
    copyThreads: copyThreads(cores, config.world),
    environments: devices.environments,
    warnings: [...backend.warnings, ...warnings, ...devices.warnings, ...idleFieldWarnings(config), ...capacityWarnings(config, backend.id, cores)],
  }
}

/** How long a healthy rank may neither speak nor use the CPU: a modelled step sleeps on its thread without a word. */
export function longestSilenceMs(config: RunConfig, plan: Plan, backend: ConcreteBackendId): number {
  if (backend !== 'modelled' || config.model === null) return 0
  let flops = 0
  for (const { steps } of plan.ranks) {
    for (const { pass, pairs } of steps) {
      flops = Math.max(flops, pairs * flopsPerPairIn(plan, pass))
    }
  }
  return flops / config.model.gflops / 1e6
}
