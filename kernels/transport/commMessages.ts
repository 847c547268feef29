import type { Segment } from '../backends/segments.ts'
import type { Move } from '../plan/plan.ts'
import type { LinkModel } from './emulatedLink.ts'

/** A move of a rank's plan, with what the communication thread needs to make it in any iteration. */
export interface RegisteredMove {
  readonly direction: 'send' | 'recv'
  readonly move: Pick<Move, 'channel' | 'payload' | 'peer' | 'owner' | 'bytes' | 'hop'>
  readonly segments: readonly Segment[]
}

/** What the communication thread is started with. Both threads are of one process, so nothing is parsed. */
export interface CommSetup {
  readonly rank: number
  readonly world: number
  /** Ranks that share a ring position. */
  readonly degree: number
  readonly originNs: bigint
  /** The arena's memory, that segments lie in. */
  readonly memory: SharedArrayBuffer
  /** Every move of an iteration; orders name them by index, and so does the board. */
  readonly moves: readonly RegisteredMove[]
  readonly board: SharedArrayBuffer
  /** Where this rank's own K/V lies, as it travels. */
  readonly ownKv: readonly Segment[]
  readonly link: LinkModel | null
  /** Where this rank listens for those that it sends to, and where those listen that send to it. */
  readonly ownAddress: string
  readonly senderAddresses: ReadonlyMap<number, string>
  /** Folder on tmpfs for blocks; null over sockets. */
  readonly slotDir: string | null
  /** Helper threads for copying a block from there. */
  readonly copyThreads: number
  /** The process to live and die with, and what to remove if it dies. */
  readonly parentPid: number
  readonly ownedFolders: readonly string[]
}

export interface MoveOrder {
  readonly index: number
  /** The move's number in the run. */
  readonly hop: number
}

export type ToComm =
  | { readonly type: 'connect' }
  | { readonly type: 'publish' }
  /** In this order on every channel. */
  | { readonly type: 'post'; readonly orders: readonly MoveOrder[] }
  | { readonly type: 'close' }

export interface CommFailure {
  readonly type: 'failed'
  readonly message: string
  /** The rank whose end was lost, where that is what happened. */
  readonly lostPeer: number | null
}

export type FromComm = { readonly type: 'listening' } | { readonly type: 'connected' } | { readonly type: 'published' } | CommFailure
