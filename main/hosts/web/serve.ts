import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { InvalidInputError } from '../../../kernels/config/problem.ts'
import type { TraceRefused } from '../../../preload/contract/events.ts'
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
import { Presence } from './presence.ts'
import { serveSocket } from './socketCarrier.ts'
import { answer, receiveUpload, sendDownload } from './transfer.ts'

export interface ServeOptions {
  readonly installation: Installation
  /** 0 for any free one. */
  readonly port: number
  /** Trace files and folders to open at once, as one group. */
  readonly open?: readonly string[]
  /** Folder for files on their way in or out; by default where the system keeps large temporary ones. */
  readonly scratchParent?: string
  readonly userConfigDir?: string
  readonly rankHost?: RankHost
  readonly log?: Log
}

export interface WebHost {
  /** Address of the page with its token; for the user's eyes only. */
  readonly url: string
  readonly app: App
  /** Of the files to open at once those that could not be read, while others could. */
  readonly refused: TraceRefused['files']
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

interface Parts {
  readonly gate: Gate
  readonly app: App
  readonly installation: Installation
  readonly log: Log
}

/** Answers a plain request; the order is Host, then for data Origin and token, then what is asked. */
async function respond(
  { gate, app, installation, log }: Parts, request: IncomingMessage, response: ServerResponse,
): Promise<void> {
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
      return receiveUpload(app.uploads, request, response, new URLSearchParams(query).get('name'))
    }
    if (!isUpload && method === 'GET' && pathname.endsWith(DOWNLOAD_SUFFIX)) {
      return sendDownload(app.exports, log, response, pathname.slice(DOWNLOAD_PREFIX.length, -DOWNLOAD_SUFFIX.length))
    }
  } else if (method === 'GET' || method === 'HEAD') {
    return sendPageFile(installation, response, pathname)
  }
  response.writeHead(405, { 'Content-Type': 'text/plain; charset=utf-8' }).end('this cannot be asked here\n')
}

/** @returns those that could not be read. @throws InvalidInputError where none could. */
async function openTraces(app: App, paths: readonly string[]): Promise<TraceRefused['files']> {
  if (paths.length === 0) return []
  let refused: TraceRefused['files'] = []
  const stop = app.events.on('trace.refused', ({ files }) => { refused = files })
  const opened = await app.openPaths(paths)
  stop()
  if (opened.ok) return refused
  const { message, problems } = opened.error
  throw new InvalidInputError(paths.length === 1 ? paths[0] : 'the traces', problems ?? [
    { path: '', expected: 'a trace that can be opened', given: message },
  ])
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
    installation, rankHost: options.rankHost ?? nodeRankHost(), host: 'web', dialogs: null, log,
    userConfigDir: options.userConfigDir, scratchParent: options.scratchParent,
  })
  const presence = new Presence(() => {
    app.uploads.clear().catch((error: unknown) => { log('removing uploads', error) })
  })
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LARGEST_FRAME_BYTES, handleProtocols: () => SOCKET_PROTOCOL })

  server.on('request', (request, response) => {
    respond({ gate, app, installation, log }, request, response).catch((error: unknown) => {
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
    else {
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        presence.arrived()
        webSocket.on('close', () => { presence.left() })
        serveSocket(webSocket, app, log)
      })
    }
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
    return { url, app, refused: await openTraces(app, options.open ?? []), close }
  } catch (error) {
    await close()
    throw error
  }
}
