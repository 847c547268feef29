import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { SOCKET_PROTOCOL, TOKEN_PROTOCOL_PREFIX } from '../../../preload/contract/wire.ts'

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 401 | 403
  readonly message: string
}

const DEFAULT_HTTP_PORT = 80

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Decides who may speak to a host on loopback. Binding 127.0.0.1 keeps other machines out; the Host header keeps out
 * names that were pointed at 127.0.0.1 (DNS rebinding), Origin keeps out other pages in the same browser, and the token
 * keeps out other users and programs of this machine.
 */
export class Gate {
  /** 256 random bits, base64url. */
  readonly token = randomBytes(32).toString('base64url')
  readonly #digest = digest(this.token)
  readonly #hosts: readonly string[]
  readonly #port: number

  constructor(port: number) {
    this.#port = port
    // Browsers leave the port of plain http out of Host and Origin.
    const suffix = port === DEFAULT_HTTP_PORT ? '' : `:${port}`
    this.#hosts = [`127.0.0.1${suffix}`, `localhost${suffix}`]
  }

  /** For every request. */
  refuseHost(headers: IncomingHttpHeaders): Refusal | null {
    if (this.#hosts.includes(headers.host ?? '')) return null
    return {
      status: 403,
      message: `this server answers to ${this.#hosts.join(' and ')} only; a tunnel must use port ${this.#port} at both ends`,
    }
  }

  /**
   * For requests that carry or change data.
   * @param mustHaveOrigin browsers send Origin with every socket upgrade and POST, but not with a GET to their own origin.
   */
  refuseData(headers: IncomingHttpHeaders, token: string | undefined, mustHaveOrigin: boolean): Refusal | null {
    return this.refuseHost(headers) ?? this.#refuseOrigin(headers, mustHaveOrigin) ?? this.#refuseToken(token)
  }

  #refuseOrigin({ host, origin }: IncomingHttpHeaders, mustHaveOrigin: boolean): Refusal | null {
    if (origin === `http://${host ?? ''}` || (origin === undefined && !mustHaveOrigin)) return null
    return { status: 403, message: 'only the page of this server may ask for data' }
  }

  #refuseToken(token: string | undefined): Refusal | null {
    if (token !== undefined && timingSafeEqual(digest(token), this.#digest)) return null
    return { status: 401, message: 'the token is missing or is not this server\'s: open the address that ringscope printed' }
  }
}

/** The token of an `Authorization: Bearer` header. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer ([\w-]+)$/.exec(headers.authorization ?? '')?.[1]
}

/** The token among the protocols a socket offers, which must include ours. */
export function socketToken(headers: IncomingHttpHeaders): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  if (!offered.includes(SOCKET_PROTOCOL)) return undefined
  return offered.find((protocol) => protocol.startsWith(TOKEN_PROTOCOL_PREFIX))?.slice(TOKEN_PROTOCOL_PREFIX.length)
}
