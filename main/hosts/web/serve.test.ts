import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { connect } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { InvalidInputError } from '../../../kernels/config/problem.ts'
import { decode } from '../../../preload/contract/codec.ts'
import type { Result } from '../../../preload/contract/envelope.ts'
import { CLOSE_MALFORMED, downloadPath, type UploadedFile } from '../../../preload/contract/wire.ts'
import { simulated, smallConfig } from '../../app/testing/runs.ts'
import { findInstallation, type Installation } from '../../installation.ts'
import { traceBytes, writeTrace } from '../../traces/save/exportTrace.ts'
import { PageMissingError, serveWeb, type WebHost } from './serve.ts'
import { openSocket, rawRequest, sendFile, type SocketOptions, socketPage, tokenOf } from './testing/socketPage.ts'

let folder: string
let installation: Installation

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringscope-web-'))
  const rendererDir = join(folder, 'renderer')
  await mkdir(rendererDir)
  await writeFile(join(rendererDir, 'index.html'), '<!doctype html><title>Ringscope</title>')
  await writeFile(join(rendererDir, 'page.js'), 'export {}')
  await writeFile(join(folder, 'secret.json'), 'secret')
  installation = { ...findInstallation(), rendererDir }
})
afterAll(() => rm(folder, { recursive: true }))

describe('the web host', () => {
  let host: WebHost
  let own: Record<string, string>
  let bearer: Record<string, string>
  let scratchParent: string
  const log = vi.fn()
  const scratchFiles = (): string[] => readdirSync(scratchParent).flatMap((name) => readdirSync(join(scratchParent, name)))

  beforeAll(async () => {
    scratchParent = join(folder, 'scratch')
    await mkdir(scratchParent)
    host = await serveWeb({ installation, port: 0, userConfigDir: folder, log, scratchParent })
    const { host: name, origin } = new URL(host.url)
    own = { Host: name, Origin: origin }
    bearer = { ...own, Authorization: `Bearer ${tokenOf(host.url)}` }
  })
  afterAll(() => host.close())
  afterEach(() => { expect(log).not.toHaveBeenCalled() })

  it('listens on loopback only', async () => {
    expect(new URL(host.url).hostname).toBe('127.0.0.1')
    const outside = Object.values(networkInterfaces()).flat().find((address) => address?.family === 'IPv4' && !address.internal)
    if (outside === undefined) return
    const refused = await new Promise((resolve) => {
      const socket = connect(Number(new URL(host.url).port), outside.address)
      socket.once('connect', () => { socket.destroy(); resolve(false) })
      socket.once('error', () => { resolve(true) })
    })
    expect(refused).toBe(true)
  })

  it('serves the page without a token, under a strict policy', async () => {
    const { status, headers, body } = await rawRequest(host.url, '/?x=1')
    expect([status, body.toString()]).toEqual([200, '<!doctype html><title>Ringscope</title>'])
    const policy = String(headers['content-security-policy'])
    expect(policy.split('; ')).toEqual([
      "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:",
      `connect-src 'self' ws://${new URL(host.url).host}`, "font-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ])
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin',
    })
    expect((await rawRequest(host.url, '/page.js')).headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect((await rawRequest(host.url, '/page.js', { method: 'HEAD' })).status).toBe(200)
  })

  it.each(['/../secret.json', '/..%2fsecret.json', '/%2e%2e/secret.json', '/.%2e\\secret.json', '//etc/passwd', '/missing', '/%00', '/%'])(
    'has nothing at %s', async (path) => {
      const { status, body } = await rawRequest(host.url, path)
      expect(status).toBe(404)
      expect(body.toString()).not.toContain('secret')
    })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('takes no %s for a page file', async (method) => {
    expect((await rawRequest(host.url, '/', { method })).status).toBe(405)
  })

  it.each([['/'], ['/page.js'], ['/upload?name=x'], ['/download/x.json.gz']])('answers %s to no other Host', async (path) => {
    const { status, headers, body } = await rawRequest(host.url, path, { headers: { ...bearer, Host: 'evil.example; script-src *' } })
    expect(status).toBe(403)
    expect(decode(body.toString())).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    expect(headers['content-security-policy']).not.toContain('evil')
  })

  describe('moving files', () => {
    const upload = (headers: Record<string, string>, body: Uint8Array, query = '?name=a.json.gz') =>
      rawRequest(host.url, `/upload${query}`, { method: 'POST', headers, body })

    it('takes traces, opens them together, gives one back as a download, and keeps no file', async () => {
      const page = await socketPage(host.url)
      const uploadIds = await Promise.all(['a.json.gz', 'b.json.gz'].map(async (name) => {
        const { status, body } = await upload(bearer, await traceBytes(simulated(), { gzip: true }), `?name=${name}`)
        const sent = decode(body.toString()) as Result<UploadedFile>
        expect([status, sent.ok]).toEqual([200, true])
        return sent.ok ? sent.data.uploadId : ''
      }))
      const opened = await page.request('trace.openUploads', { openId: 'o', uploadIds })
      expect(opened).toMatchObject({ ok: true, data: [{ path: null, ranks: [0, 1], files: [{ path: 'a.json.gz' }] }, { files: [{ path: 'b.json.gz' }] }] })
      expect(await page.request('trace.openUploads', { openId: 'o', uploadIds })).toMatchObject({ ok: false, error: { code: 'not-found' } })
      const timelineId = opened.ok ? opened.data[0].timelineId : ''
      const download = await rawRequest(host.url, downloadPath(timelineId), { headers: bearer })
      expect(download.status).toBe(200)
      expect(download.headers['content-disposition']).toMatch(/^attachment; filename="[a-z0-9-]+\.json\.gz"$/)
      expect(download.headers['content-length']).toBe(String(download.body.length))
      expect(JSON.parse(gunzipSync(download.body).toString())).toHaveProperty('traceEvents')
      await expect.poll(() => scratchFiles(), { timeout: 10_000 }).toEqual([])
      page.socket.terminate()
    })

    it('says what an upload misses, and why a file is no trace, by the name that the page knows', async () => {
      const unnamed = await upload(bearer, Buffer.from('[]'), '')
      expect(decode(unnamed.body.toString())).toMatchObject({ ok: false, error: { problems: [{ path: 'name' }] } })
      const page = await socketPage(host.url)
      const sent = await sendFile(host.url, 'hello.json', Buffer.from('hello'))
      const refused = await page.request('trace.openUploads', { openId: 'o', uploadIds: [sent.ok ? sent.data.uploadId : ''] })
      expect(refused).toMatchObject({ ok: false, error: { code: 'invalid-input', message: expect.stringMatching(/^hello\.json: /) as string } })
      expect(scratchFiles()).toEqual([])
      const missing = await rawRequest(host.url, downloadPath('no/such'), { headers: bearer })
      expect([missing.status, decode(missing.body.toString())]).toMatchObject([404, { ok: false, error: { code: 'not-found' } }])
      expect((await rawRequest(host.url, '/download/%.json.gz', { headers: bearer })).status).toBe(404)
      page.socket.terminate()
    })

    it('refuses without token, with a wrong one, and from other pages', async () => {
      const noToken = { ...own }
      const wrong = { ...own, Authorization: `Bearer ${'A'.repeat(43)}` }
      const elsewhere = { ...bearer, Origin: 'http://evil.example' }
      const { Origin: _, ...noOrigin } = bearer
      const statuses = [noToken, wrong, elsewhere, noOrigin].map(async (headers) => [
        (await upload(headers, Buffer.from('[]'))).status, (await rawRequest(host.url, downloadPath('timeline-1'), { headers })).status,
      ])
      expect(await Promise.all(statuses)).toEqual([[401, 401], [401, 401], [403, 403], [403, 200]])
    })

    it('refuses other methods', async () => {
      expect((await rawRequest(host.url, '/upload?name=x', { headers: bearer })).status).toBe(405)
      expect((await rawRequest(host.url, downloadPath('x'), { method: 'POST', headers: bearer })).status).toBe(405)
    })

    it('refuses what announces to be too long, before it comes', async () => {
      const headers = { ...bearer, 'Content-Length': String(2 ** 40), Expect: '100-continue' }
      const refused = await new Promise<string>((resolve) => {
        const { hostname, port } = new URL(host.url)
        const socket = connect(Number(port), hostname, () => {
          const lines = Object.entries({ ...headers, Expect: '' }).filter(([, value]) => value !== '').map(([key, value]) => `${key}: ${value}`)
          socket.write(`POST /upload?name=x HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
        })
        socket.once('data', (data) => { socket.destroy(); resolve(data.toString()) })
      })
      expect(refused).toMatch(/^HTTP\/1.1 413 /)
    })
  })

  describe('the socket', () => {
    const refusal = (options: SocketOptions): Promise<number> => new Promise((resolve) => {
      const socket = openSocket(host.url, options)
      socket.once('open', () => { socket.terminate(); resolve(200) })
      socket.once('error', () => undefined)
      socket.once('unexpected-response', (_request, response) => { response.resume(); resolve(response.statusCode ?? 0) })
    })
    const closeCode = (socket: WebSocket): Promise<number> => new Promise((resolve) => { socket.once('close', resolve) })

    it('opens for the page with the token', async () => {
      expect(await refusal({})).toBe(200)
    })

    it.each<[number, string, SocketOptions]>([
      [401, 'a wrong token', { token: 'A'.repeat(43) }],
      [401, 'an empty token', { token: 'x' }],
      [403, 'another Origin', { origin: 'http://evil.example' }],
      [403, 'another Host', { headers: { Host: 'evil.example' } }],
      [404, 'another path', { path: '/elsewhere' }],
    ])('answers %i to %s', async (status, _what, options) => {
      expect(await refusal(options)).toBe(status)
    })

    it.each(['{', 'null', '{"id": "1", "route": "app.info"}', '{"id": 1}', '{"id": 1, "route": "app.info", "input": {"$typed": 5}}'])(
      'closes on the frame %s', async (text) => {
        const { socket } = await socketPage(host.url)
        const closed = closeCode(socket)
        socket.send(text)
        expect(await closed).toBe(CLOSE_MALFORMED)
      })

    it('closes on a binary frame', async () => {
      const { socket } = await socketPage(host.url)
      const closed = closeCode(socket)
      socket.send(Buffer.from('{"id":1,"route":"app.info","input":{}}'))
      expect(await closed).toBe(CLOSE_MALFORMED)
    })

    it('serves several pages, each with its own answers and all with the events', async () => {
      const [first, second] = await Promise.all([socketPage(host.url), socketPage(host.url)])
      const heard: string[] = []
      first.subscribe('timeline.changed', () => heard.push('first'))
      second.subscribe('timeline.changed', () => heard.push('second'))
      const sent = await sendFile(host.url, 'a.json', await traceBytes(simulated(), { gzip: false }))
      const uploadIds = [sent.ok ? sent.data.uploadId : '']
      expect(await first.request('trace.openUploads', { openId: 'o', uploadIds })).toMatchObject({ ok: true })
      // An answer on the second socket comes after the event that was sent before it.
      await second.request('timeline.list', {})
      expect(heard.sort()).toEqual(['first', 'second'])
      first.socket.terminate()
      second.socket.terminate()
    })

    it('tells a page that joins late how far a run is', async () => {
      const early = await socketPage(host.url)
      const progressed = new Promise((resolve) => { early.subscribe('run.progress', resolve) })
      const config = smallConfig({ iterations: 10_000, model: { gflops: 0.0001 } })
      const started = await early.request('run.start', { config })
      await progressed
      const late = openSocket(host.url)
      const first = await new Promise<string>((resolve) => { late.once('message', (data: Buffer) => { resolve(data.toString()) }) })
      expect(decode(first)).toMatchObject({ event: 'run.progress', payload: started.ok ? started.data : {} })
      const finished = new Promise((resolve) => { early.subscribe('run.finished', resolve) })
      await early.request('run.cancel', { runId: started.ok ? started.data.runId : '' })
      await finished
      late.terminate()
      early.socket.terminate()
    })
  })
})

describe('starting and closing', () => {
  it('needs the built page', async () => {
    const nowhere = { ...installation, rendererDir: join(folder, 'nowhere') }
    await expect(serveWeb({ installation: nowhere, port: 0, userConfigDir: folder })).rejects.toThrow(PageMissingError)
  })

  it('says that a port is taken', async () => {
    const host = await serveWeb({ installation, port: 0, userConfigDir: folder })
    const port = Number(new URL(host.url).port)
    await expect(serveWeb({ installation, port, userConfigDir: folder })).rejects.toThrow(InvalidInputError)
    await host.close()
  })

  it('opens the traces it is given, or says why not', async () => {
    const [path, wrong] = [join(folder, 'given.json'), join(folder, 'wrong.json')]
    await writeTrace(simulated(), path)
    await writeFile(wrong, '{}')
    const host = await serveWeb({ installation, port: 0, userConfigDir: folder, open: [wrong, path] })
    expect(host.refused).toEqual([{ path: wrong, message: expect.stringContaining('traceEvents') as string }])
    const page = await socketPage(host.url)
    expect(await page.request('timeline.list', {})).toMatchObject({ ok: true, data: [{ path }] })
    await host.close()
    await expect(serveWeb({ installation, port: 0, userConfigDir: folder, open: [join(folder, 'no.json')] })).rejects.toThrow(/no\.json/)
  })

  it('takes the files on their way with it', async () => {
    const scratchParent = join(folder, 'closing')
    await mkdir(scratchParent)
    const host = await serveWeb({ installation, port: 0, userConfigDir: folder, scratchParent })
    await sendFile(host.url, 'a.json', Buffer.from('[]'))
    expect(readdirSync(scratchParent)).toHaveLength(1)
    await host.close()
    expect(readdirSync(scratchParent)).toEqual([])
  })

  it('ends its sockets and the run under way', async () => {
    const host = await serveWeb({ installation, port: 0, userConfigDir: folder })
    const page = await socketPage(host.url)
    const finished = vi.fn()
    host.app.events.on('run.finished', finished)
    const config = smallConfig({ iterations: 10_000, model: { gflops: 0.0001 } })
    expect(await page.request('run.start', { config })).toMatchObject({ ok: true })
    const closed = new Promise((resolve) => { page.socket.once('close', resolve) })
    await host.close()
    expect(await closed).toBe(1001)
    expect(finished).toHaveBeenCalledOnce()
  })
})
