import { availableParallelism, cpus, totalmem } from 'node:os'
import type { DoctorReport } from '../../preload/contract/machine.ts'
import { nodeRankHost } from '../executor/nodeRankHost.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { readCacheSizes } from './caches.ts'
import { checkBackends } from './checkBackends.ts'
import { checkDevices } from './checkDevices.ts'
import { checkHosts } from './checkHosts.ts'
import { checkTransports } from './checkTransports.ts'
import { gpuCacheSizes } from './gpuCaches.ts'
import { runCommand } from './command.ts'

/**
 * Finds out what works on this machine by trying it: each backend computes a small attention in a process of its own,
 * each transport moves bytes. Takes a second or two.
 * @param rankHost starts those processes; a host without a plain Node passes its own.
 */
export async function examineMachine(installation: Installation, rankHost: RankHost = nodeRankHost()): Promise<DoctorReport> {
  const [caches, gpus, backends, devices, transports] = await Promise.all([
    readCacheSizes(), gpuCacheSizes(), checkBackends(installation, rankHost), checkDevices(runCommand), checkTransports(),
  ])
  return {
    version: installation.version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: { model: cpus()[0]?.model ?? 'unknown processor', cores: availableParallelism() },
    memoryBytes: totalmem(),
    caches, gpus, backends, devices, transports,
    hosts: checkHosts(installation),
  }
}
