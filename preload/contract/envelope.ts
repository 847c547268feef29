import type { Problem } from '../../kernels/config/problem.ts'

/** Kinds of failure a request can end in. */
export type ErrorCode =
  /** No such route. */
  | 'unknown-route'
  /** The input does not have the route's shape, or a config or file was refused. */
  | 'invalid-input'
  /** The sender may not call this route. */
  | 'forbidden'
  /** No such timeline, run, sweep or file. */
  | 'not-found'
  /** Something else is running that this cannot run beside. */
  | 'busy'
  /** The user cancelled it, and there is no result to show. */
  | 'cancelled'
  /** A fault of ours. */
  | 'internal'

export interface BridgeError {
  readonly code: ErrorCode
  readonly message: string
  readonly problems?: readonly Problem[]
}

/** How every answer crosses: never as a rejection, since carriers keep only an error's message. */
export type Result<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly error: BridgeError }
