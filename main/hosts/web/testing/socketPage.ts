import { request } from 'node:http'
import { WebSocket } from 'ws'
import type { Bridge } from '../../../../preload/contract/bridge.ts'
import { decode, encode } from '../../../../preload/contract/codec.ts'
import type { Result } from '../../../../preload/contract/envelope.ts'
import type { EventName } from '../../../../preload/contract/events.ts'
import {
  type HostFrame, SOCKET_PATH, SOCKET_PROTOCOL, TOKEN_PROTOCOL_PREFIX, UPLOAD_PATH, type UploadedFile,
} from '../../../../preload/contract/wire.ts'

/** The token of a printed address. */
export const tokenOf = (url: string): string => new URL(url).hash.replace('#token=', '')

export interface SocketOptions {
  readonly token?: string
  readonly origin?: string
  readonly headers?: Record<string, string>
  readonly path?: string
}

/** A socket as a page opens it. */
export function openSocket(url: string, options: SocketOptions = {}): WebSocket {
  const { token = tokenOf(url), origin = new URL(url).origin, headers = {}, path = SOCKET_PATH } = options
  return new WebSocket(`ws://${new URL(url).host}${path}`, [SOCKET_PROTOCOL, TOKEN_PROTOCOL_PREFIX + token], { origin, headers })
}

export interface SocketPage extends Pick<Bridge, 'request' | 'subscribe'> {
  ask(route: string, input: unknown): Promise<Result<unknown>>
  readonly socket: WebSocket
}

/** A page on a socket, by the protocol alone. */
export async function socketPage(url: string): Promise<SocketPage> {
  const socket = openSocket(url)
  const answers = new Map<number, (result: Result<unknown>) => void>()
  const listeners = new Map<EventName, Set<(payload: never) => void>>()
  let asked = 0
  socket.on('message', (data: Buffer) => {
    const frame = decode(data.toString()) as HostFrame
    if ('id' in frame) {
      answers.get(frame.id)?.(frame.result)
      answers.delete(frame.id)
    } else {
      for (const listener of listeners.get(frame.event) ?? []) (listener as (payload: unknown) => void)(frame.payload)
    }
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const ask = (route: string, input: unknown): Promise<Result<unknown>> => new Promise((resolve) => {
    const id = ++asked
    answers.set(id, resolve)
    socket.send(encode({ id, route, input }))
  })
  return {
    ask, socket, request: ask as Bridge['request'],
    subscribe(event, listener) {
      const ofEvent = listeners.get(event) ?? new Set()
      listeners.set(event, ofEvent.add(listener))
      return () => { ofEvent.delete(listener) }
    },
  }
}

export interface RawAnswer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: Buffer
}

/** One HTTP request with exactly the given path and headers: fetch would mend the one and refuse the other. */
export function rawRequest(
  url: string, path: string, options: { method?: string; headers?: Record<string, string>; body?: Uint8Array } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method: options.method, headers: options.headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      })
    })
    sent.on('error', reject)
    sent.end(options.body)
  })
}

/** Sends a file as a page does. */
export async function sendFile(url: string, name: string, bytes: Uint8Array): Promise<Result<UploadedFile>> {
  const { host, origin } = new URL(url)
  const headers = { Host: host, Origin: origin, Authorization: `Bearer ${tokenOf(url)}` }
  const { body } = await rawRequest(url, `${UPLOAD_PATH}?name=${encodeURIComponent(name)}`, { method: 'POST', headers, body: bytes })
  return decode(body.toString()) as Result<UploadedFile>
}
