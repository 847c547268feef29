import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { ToRankMessage } from '../../kernels/rank/protocol.ts'
import type { Installation } from '../installation.ts'
import type { Preparation } from './preparation.ts'
import type { RunFolders } from './runFolders.ts'

export interface SetupFacts {
  readonly config: RunConfig
  readonly preparation: Preparation
  readonly folders: RunFolders
  readonly installation: Installation
  readonly originNs: bigint
}

/** What a rank is told once: its part, its neighbours and where things are. */
export function rankSetup(rank: number, { config, preparation, folders, installation, originNs }: SetupFacts): ToRankMessage {
  return {
    type: 'setup', rank, config,
    backend: preparation.backend,
    kernelsDir: installation.kernelsDir,
    commEntry: installation.commEntry,
    originNs: String(originNs),
    ownAddress: folders.address(rank),
    previousAddress: folders.address((rank + config.world - 1) % config.world),
    slotDir: folders.slotDir,
    copyThreads: preparation.copyThreads,
    parentPid: process.pid,
    ownedFolders: folders.slotDir === null ? [folders.runDir] : [folders.runDir, folders.slotDir],
  }
}
