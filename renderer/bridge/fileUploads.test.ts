import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { encode } from '../../preload/contract/codec.ts'
import type { TraceProgress } from '../../preload/contract/events.ts'
import { fileUploads } from './fileUploads.ts'

/** The browser's request, driven by the test. */
class ScriptedRequest {
  static all: ScriptedRequest[] = []
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null }
  onload: (() => void) | null = null
  onabort: (() => void) | null = null
  onerror: (() => void) | null = null
  responseText = ''
  readonly status = 200
  url = ''
  readonly headers: Record<string, string> = {}

  constructor() {
    ScriptedRequest.all.push(this)
  }

  open(_method: string, url: string): void { this.url = url }
  setRequestHeader(name: string, value: string): void { this.headers[name] = value }
  send(): void { /* answered by the test */ }
  abort(): void { this.onabort?.() }

  answer(result: unknown): void {
    this.responseText = encode(result)
    this.onload?.()
  }
}

const file = (name: string, size: number): File => new File(['x'.repeat(size)], name)
/** The n-th request, once it is made. */
const request = (at: number): Promise<ScriptedRequest> => vi.waitFor(() => {
  if (ScriptedRequest.all[at] === undefined) throw new Error(`request ${at} was not made`)
  return ScriptedRequest.all[at]
})

beforeEach(() => {
  ScriptedRequest.all = []
  vi.stubGlobal('XMLHttpRequest', ScriptedRequest)
})
afterEach(() => vi.unstubAllGlobals())

describe('uploads', () => {
  it('go one after the other, with the token and the progress of all together', async () => {
    const heard: TraceProgress[] = []
    const sent = fileUploads('secret', (progress) => heard.push(progress)).send([file('a b.json', 10), file('c.json', 20)], 'o')
    const first = await request(0)
    expect([first.url, first.headers]).toEqual(['/upload?name=a%20b.json', { Authorization: 'Bearer secret' }])
    first.upload.onprogress?.({ loaded: 6 })
    first.answer({ ok: true, data: { uploadId: 'u1' } })
    const second = await request(1)
    second.upload.onprogress?.({ loaded: 20 })
    second.answer({ ok: true, data: { uploadId: 'u2' } })
    expect(await sent).toEqual({ ok: true, data: ['u1', 'u2'] })
    expect(heard.map(({ doing, bytesRead, totalBytes }) => [doing, bytesRead, totalBytes])).toEqual([
      ['sending a b.json', 0, 30], ['sending a b.json', 6, 30], ['sending c.json', 10, 30], ['sending c.json', 30, 30],
    ])
  })

  it('end with the first that the host refuses', async () => {
    const sent = fileUploads('t', () => undefined).send([file('a', 1), file('b', 1)], 'o')
    const refusal = { ok: false, error: { code: 'invalid-input', message: 'too large' } }
    ;(await request(0)).answer(refusal)
    expect(await sent).toEqual(refusal)
    expect(ScriptedRequest.all).toHaveLength(1)
  })

  it('say so when the connection breaks, or the answer is none', async () => {
    const uploads = fileUploads('t', () => undefined)
    const broken = uploads.send([file('a.json', 1)], 'o')
    ;(await request(0)).onerror?.()
    expect(await broken).toMatchObject({ ok: false, error: { message: expect.stringContaining('a.json') } })
    const garbled = uploads.send([file('b.json', 1)], 'o')
    const second = await request(1)
    second.responseText = '<html>'
    second.onload?.()
    expect(await garbled).toMatchObject({ ok: false, error: { message: expect.stringContaining('b.json') } })
  })

  it('can be stopped while they are under way, and not after', async () => {
    const uploads = fileUploads('t', () => undefined)
    const sent = uploads.send([file('a', 1), file('b', 1)], 'o')
    await request(0)
    expect([uploads.stop('other'), uploads.stop('o')]).toEqual([false, true])
    expect(await sent).toMatchObject({ ok: false, error: { code: 'cancelled' } })
    expect([uploads.stop('o'), ScriptedRequest.all.length]).toEqual([false, 1])
  })
})
