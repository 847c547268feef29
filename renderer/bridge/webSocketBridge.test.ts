import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { decode, encode } from '../../preload/contract/codec.ts'
import { TOKEN_STORAGE_KEY, type RequestFrame } from '../../preload/contract/wire.ts'
import type { ConnectionState } from './current.ts'
import { takeToken, webSocketBridge } from './webSocketBridge.ts'

/** The browser's socket, driven by the test. */
class ScriptedSocket {
  static readonly OPEN = 1
  static all: ScriptedSocket[] = []
  readyState = 0
  readonly sent: RequestFrame[] = []
  readonly url: string
  readonly protocols: string[]
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null

  constructor(url: string, protocols: string[]) {
    this.url = url
    this.protocols = protocols
    ScriptedSocket.all.push(this)
  }

  send(text: string): void {
    this.sent.push(decode(text) as RequestFrame)
  }

  open(): void {
    this.readyState = ScriptedSocket.OPEN
    this.onopen?.()
  }

  close(): void {
    this.readyState = 3
    this.onclose?.()
  }

  receive(frame: unknown): void {
    this.onmessage?.({ data: encode(frame) })
  }
}

const LOCATION = { protocol: 'http:', host: '127.0.0.1:4000' } as Location
const flush = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined)

beforeEach(() => {
  ScriptedSocket.all = []
  vi.stubGlobal('WebSocket', ScriptedSocket)
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the token', () => {
  it('is taken from the address once, kept for the tab, and removed from the address bar', () => {
    const replaced: string[] = []
    const history = { replaceState: (_data: unknown, _title: string, url: string) => replaced.push(url) } as unknown as History
    const at = (hash: string): Location => ({ hash, pathname: '/', search: '' }) as Location
    sessionStorage.clear()
    expect(takeToken(at(''), history, sessionStorage)).toBeNull()
    expect(takeToken(at('#token=secret'), history, sessionStorage)).toBe('secret')
    expect(replaced).toEqual(['/'])
    expect(sessionStorage.getItem(TOKEN_STORAGE_KEY)).toBe('secret')
    expect(takeToken(at(''), history, sessionStorage)).toBe('secret')
  })
})

describe('the socket bridge', () => {
  it('sends the token as a protocol and answers requests in any order', async () => {
    const bridge = webSocketBridge(LOCATION, 'secret')
    const [socket] = ScriptedSocket.all
    expect([socket.url, socket.protocols]).toEqual(['ws://127.0.0.1:4000/socket', ['ringscope.v1', 'token.secret']])
    const first = bridge.request('app.info', {})
    const second = bridge.request('timeline.list', {})
    socket.open()
    await flush()
    expect(socket.sent.map(({ route }) => route)).toEqual(['app.info', 'timeline.list'])
    socket.receive({ id: socket.sent[1].id, result: { ok: true, data: ['second'] } })
    socket.receive({ id: socket.sent[0].id, result: { ok: false, error: { code: 'internal', message: 'first' } } })
    expect(await second).toEqual({ ok: true, data: ['second'] })
    expect(await first).toEqual({ ok: false, error: { code: 'internal', message: 'first' } })
  })

  it('delivers events to those who listen, until they stop', () => {
    const bridge = webSocketBridge(LOCATION, 't')
    const heard: unknown[] = []
    const stop = bridge.subscribe('timeline.closed', (payload) => heard.push(payload))
    const [socket] = ScriptedSocket.all
    socket.receive({ event: 'timeline.closed', payload: { timelineId: 'a' } })
    stop()
    socket.receive({ event: 'timeline.closed', payload: { timelineId: 'b' } })
    expect(heard).toEqual([{ timelineId: 'a' }])
  })

  it('fails what is under way when the connection is lost, says so, and reconnects', async () => {
    const bridge = webSocketBridge(LOCATION, 't')
    const states: ConnectionState[] = []
    bridge.onConnection?.((state) => states.push(state))
    ScriptedSocket.all[0].open()
    const lost = bridge.request('app.info', {})
    await flush()
    ScriptedSocket.all[0].close()
    expect((await lost).ok).toBe(false)
    const waiting = bridge.request('app.info', {})
    await vi.advanceTimersByTimeAsync(1000)
    const next = ScriptedSocket.all[1]
    next.open()
    await flush()
    next.receive({ id: next.sent[0].id, result: { ok: true, data: 'back' } })
    expect(await waiting).toEqual({ ok: true, data: 'back' })
    expect(states).toEqual(['connecting', 'open', 'lost', 'open'])
  })

  it('gives up on a request when the host stays away', async () => {
    const bridge = webSocketBridge(LOCATION, 't')
    const request = bridge.request('app.info', {})
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await request).toMatchObject({ ok: false, error: { message: expect.stringContaining('does not answer') } })
  })
})
