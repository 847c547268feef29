import type { LinkModel } from './emulatedLink.ts'
import type { LinkTerms } from './outboundSocket.ts'

/** What the communication thread is started with. Both threads are of one process, so nothing is parsed. */
export interface CommSetup {
  readonly terms: LinkTerms
  readonly originNs: bigint
  /** The arena's memory, and where its K/V slots begin. */
  readonly memory: SharedArrayBuffer
  readonly slotByteOffsets: readonly number[]
  readonly board: SharedArrayBuffer
  readonly link: LinkModel | null
  /** Where this rank listens for the next one, and where the previous one listens. Unused with one rank. */
  readonly ownAddress: string
  readonly previousAddress: string
  /** Folder on tmpfs for the ranks' blocks; null over sockets. */
  readonly slotDir: string | null
  /** Helper threads for copying a block from there. */
  readonly copyThreads: number
  /** The process to live and die with, and what to remove if it dies. */
  readonly parentPid: number
  readonly ownedFolders: readonly string[]
}

export interface HopOrder {
  readonly type: 'hop'
  readonly iteration: number
  readonly step: number
  readonly sendHop: number
  readonly sendOwner: number
  readonly sendSlot: number
  readonly recvHop: number
  readonly recvOwner: number
  readonly recvSlot: number
}

export type ToComm = { readonly type: 'connect' } | { readonly type: 'publish'; readonly slot: number } | HopOrder | { readonly type: 'close' }

export interface CommFailure {
  readonly type: 'failed'
  readonly message: string
  /** The neighbour whose end was lost, where that is what happened. */
  readonly lostPeer: number | null
}

export type FromComm = { readonly type: 'listening' } | { readonly type: 'connected' } | { readonly type: 'published' } | CommFailure
