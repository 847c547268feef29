import type { Bridge } from '../../preload/contract/bridge.ts'

export type ConnectionState = 'connecting' | 'open' | 'lost'

/** A bridge, and for carriers that can break, whether it holds. */
export interface RendererBridge extends Bridge {
  /** Calls back at once with the present state, then on every change. @returns a function that ends it. */
  onConnection?(listener: (state: ConnectionState) => void): () => void
}

let current: RendererBridge | undefined

/** Sets the page's one bridge; called once at start, and by tests. */
export function provideBridge(bridge: RendererBridge): void {
  current = bridge
}

/** @throws Error before {@link provideBridge}. */
export function useBridge(): RendererBridge {
  if (current === undefined) throw new Error('no bridge: provideBridge() must run before any store is used')
  return current
}
