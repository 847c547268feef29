import type { RendererBridge } from './current.ts'
import { takeToken, webSocketBridge } from './webSocketBridge.ts'

/** The page was opened by an address that lacks the host's token. */
export class MissingTokenError extends Error {
  override readonly name = 'MissingTokenError'
}

/**
 * The page's way to the other side: the preload's bridge in Electron, else the web host's socket.
 * @throws MissingTokenError in a browser when the address carries no token
 */
export function chooseBridge(): RendererBridge {
  if (globalThis.ringscope !== undefined) return globalThis.ringscope
  const token = takeToken(location, history, sessionStorage)
  if (token === null) throw new MissingTokenError('open this page by the whole address that ringscope printed')
  return webSocketBridge(location, token)
}
