import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { InvalidInputError } from '../../../kernels/config/problem.ts'
import {
  DOWNLOAD_PREFIX, DOWNLOAD_SUFFIX, LARGEST_FRAME_BYTES, SOCKET_PATH, SOCKET_PROTOCOL, UPLOAD_PATH,
} from '../../../preload/contract/wire.ts'
import { type App, createApp } from '../../app/app.ts'
import { type Log, logToStderr } from '../../app/log.ts'
import { nodeRankHost } from '../../executor/nodeRankHost.ts'
import type { RankHost } from '../../executor/rankHost.ts'
import type { Installation } from '../../installation.ts'
import { pageHeaders } from '../page/contentSecurity.ts'
import { readPageFile } from '../page/pageFiles.ts'
import { bearerToken, Gate, type Refusal, socketToken } from './gate.ts'
import { serveSocket } from './socketCarrier.ts'
import { answer, receiveUpload, sendDownload } from './transfer.ts'

export interface ServeOptions {
  readonly installation: Installation
  /** 0 for any free one. */
  readonly port: number
  /** Trace files to open at once. */
  readonly open?: readonly string[]
  readonly userConfigDir?: string
  readonly rankHost?: RankHost
  readonly log?: Log
}

export interface WebHost {
  /** Address of the page with its token; for the user's eyes only. */
  readonly url: string
  readonly app: App
  /** Ends every connection and what goes on. */
  close(): Promise<void>
}

/** The page has not been built. */
export class PageMissingError extends Error {
  override readonly name = 'PageMissingError'

  constructor(folder: string) {
    super(`${join(folder, 'index.html')} is missing: build the page with "npm run build"`)
  }
}

const LOOPBACK = '127.0.0.1'

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' || error.code === 'EACCES'
        ? new InvalidInputError('port', [{
          path: 'port', expected: 'a port this user may open and nothing uses', given: String(port), hint: '0 picks a free one',
        }])
        : error)
    })
    server.listen(port, LOOPBACK, resolve)
  })
  return (server.address() as AddressInfo).port
}

function refuse(response: ServerResponse, { status, message }: Refusal): void {
  answer(response, status, { ok: false, error: { code: 'forbidden', message } })
}

function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
    `Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`)
}

async function sendPageFile(installation: Installation, response: ServerResponse, pathname: string): Promise<void> {
  const file = await readPageFile(installation.rendererDir, pathname)
  if (file === null) response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('there is no such page\n')
  else response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.bytes.byteLength }).end(file.bytes)
}

/** Answers a plain request; the order is Host, then for data Origin and token, then what is asked. */
async function respond(gate: Gate, app: App, installation: Installation, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const misdirected = gate.refuseHost(request.headers)
  const socketOrigin = misdirected === null ? `ws://${request.headers.host ?? ''}` : undefined
  for (const [name, value] of Object.entries(pageHeaders(socketOrigin))) response.setHeader(name, value)
  if (misdirected !== null) return refuse(response, misdirected)

  const [pathname, query = ''] = (request.url ?? '/').split('?', 2)
  const method = request.method ?? ''
  const isUpload = pathname === UPLOAD_PATH
  if (isUpload || pathname.startsWith(DOWNLOAD_PREFIX)) {
    const refusal = gate.refuseData(request.headers, bearerToken(request.headers), isUpload)
    if (refusal !== null) return refuse(response, refusal)
    if (isUpload && method === 'POST') {
      return receiveUpload(app.router, request, response, new URLSearchParams(query).get('name'))
    }
    if (!isUpload && method === 'GET' && pathname.endsWith(DOWNLOAD_SUFFIX)) {
      return sendDownload(app.router, response, pathname.slice(DOWNLOAD_PREFIX.length, -DOWNLOAD_SUFFIX.length))
    }
  } else if (method === 'GET' || method === 'HEAD') {
    return sendPageFile(installation, response, pathname)
  }
  response.writeHead(405, { 'Content-Type': 'text/plain; charset=utf-8' }).end('this cannot be asked here\n')
}

async function openTrace(app: App, path: string): Promise<void> {
  const opened = await app.openPath(path)
  if (opened.ok) return
  const { message, problems } = opened.error
  throw new InvalidInputError(path, problems ?? [{ path: '', expected: 'a trace that can be opened', given: message }])
}

/**
 * Serves the app to browsers of this machine: page, requests, events and files on one loopback port.
 * @throws InvalidInputError when the port or a trace cannot be opened.
 * @throws PageMissingError before the page is built.
 */
export async function serveWeb(options: ServeOptions): Promise<WebHost> {
  const { installation, log = logToStderr } = options
  if (!existsSync(join(installation.rendererDir, 'index.html'))) throw new PageMissingError(installation.rendererDir)
  const server = createServer()
  const port = await listen(server, options.port)
  const gate = new Gate(port)
  const app = createApp({
    installation, rankHost: options.rankHost ?? nodeRankHost(), host: 'web', dialogs: null, userConfigDir: options.userConfigDir, log,
  })
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LARGEST_FRAME_BYTES, handleProtocols: () => SOCKET_PROTOCOL })

  server.on('request', (request, response) => {
    respond(gate, app, installation, request, response).catch((error: unknown) => {
      log(`${request.method ?? ''} ${request.url?.split('?', 1)[0] ?? ''}`, error)
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const refusal = gate.refuseData(request.headers, socketToken(request.headers), true)
    if (refusal !== null) refuseUpgrade(socket, refusal.status, refusal.message)
    else if (request.url !== SOCKET_PATH) refuseUpgrade(socket, 404, `the socket is at ${SOCKET_PATH}`)
    else sockets.handleUpgrade(request, socket, head, (webSocket) => serveSocket(webSocket, app, log))
  })

  const url = `http://${LOOPBACK}:${port}/#token=${gate.token}`
  const close = async (): Promise<void> => {
    for (const socket of sockets.clients) socket.close(1001, 'ringscope is closing')
    const closed = new Promise((resolve) => { server.close(resolve) })
    await app.dispose()
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    await closed
  }
  try {
    for (const path of options.open ?? []) await openTrace(app, path)
  } catch (error) {
    await close()
    throw error
  }
  return { url, app, close }
}
