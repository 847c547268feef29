import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import type { ToRankMessage } from '../../kernels/rank/protocol.ts'
import { recvsOf } from '../../kernels/transport/routes.ts'
import type { Installation } from '../installation.ts'
import type { Preparation } from './preparation.ts'
import type { RunFolders } from './runFolders.ts'

export interface SetupFacts {
  readonly config: RunConfig
  readonly plan: Plan
  readonly preparation: Preparation
  readonly folders: RunFolders
  readonly installation: Installation
  readonly originNs: bigint
}

/** What a rank is told once: its part, where those are that send to it, and where things are. */
export function rankSetup(rank: number, { config, plan, preparation, folders, installation, originNs }: SetupFacts): ToRankMessage {
  return {
    type: 'setup', rank, config,
    backend: preparation.backend,
    kernelsDir: installation.kernelsDir,
    commEntry: installation.commEntry,
    originNs: String(originNs),
    ownAddress: folders.address(rank),
    senderAddresses: new Map(recvsOf(plan.ranks[rank]).map(({ peer }) => [peer, folders.address(peer)])),
    slotDir: folders.slotDir,
    copyThreads: preparation.copyThreads,
    parentPid: process.pid,
    ownedFolders: folders.slotDir === null ? [folders.runDir] : [folders.runDir, folders.slotDir],
  }
}
