import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, get, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NotFoundError } from '../../app/errors.ts'
import type { Exports } from '../../app/exports.ts'
import { Scratch } from '../../app/scratch.ts'
import { Uploads } from '../../app/uploads.ts'
import { receiveUpload, sendDownload } from './transfer.ts'

let parent: string
let scratch: Scratch
let uploads: Uploads
const server = createServer()
let url = ''
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'ringscope-transfer-'))
  scratch = new Scratch(parent)
  uploads = new Uploads(scratch)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  rmSync(parent, { recursive: true })
})
const nextRequest = async (): Promise<[IncomingMessage, ServerResponse]> => await once(server, 'request') as [IncomingMessage, ServerResponse]
const left = (): string[] => readdirSync(scratch.folder)

describe('an upload', () => {
  /** What becomes of the next request. @param limit of bytes. */
  const received = async (limit: number): Promise<void> => {
    const [incoming, response] = await nextRequest()
    await receiveUpload(uploads, incoming, response, 'a.json', limit)
  }

  it('whose page goes away halfway is no fault of ours, and leaves nothing', async () => {
    const outcome = received(1000)
    const sent = request(url, { method: 'POST', headers: { 'Content-Length': 100 } }).on('error', () => undefined)
    sent.write('half')
    await once(server, 'request')
    await expect.poll(() => left(), { timeout: 10_000 }).toHaveLength(1)
    sent.destroy()
    await expect(outcome).resolves.toBeUndefined()
    expect(left()).toEqual([])
  })

  it.each([['announced', { 'Content-Length': 11 }], ['in pieces', {}]])('of more than the limit, %s, is refused', async (_how, headers) => {
    const outcome = received(10)
    const sent = request(url, { method: 'POST', headers })
    sent.end('eleven byte')
    const [response] = await once(sent, 'response') as [IncomingMessage]
    await outcome
    expect(response.statusCode).toBe(413)
    expect(left()).toEqual([])
  })
})

describe('a download', () => {
  const log = vi.fn()
  const remove = vi.fn(() => Promise.resolve())
  const bytes = 4 * 2 ** 20
  beforeEach(() => {
    log.mockReset()
    remove.mockClear()
    writeFileSync(join(parent, 'made'), Buffer.alloc(bytes))
  })
  /** What becomes of the next request. */
  const sent = async (file: Exports['file']): Promise<void> => {
    const [, response] = await nextRequest()
    await sendDownload({ file } as Exports, log, response, 'timeline-1')
  }
  const made: Exports['file'] = () => Promise.resolve({ fileName: 'a.json.gz', path: join(parent, 'made'), bytes, remove })

  it('that the page breaks off is no fault of ours, and its file is removed', async () => {
    const outcome = sent(made)
    const asked = get(url).on('error', () => undefined)
    const [response] = await once(asked, 'response') as [IncomingMessage]
    expect(response.headers).toMatchObject({ 'content-length': String(bytes), 'content-disposition': 'attachment; filename="a.json.gz"' })
    asked.destroy()
    await expect(outcome).resolves.toBeUndefined()
    expect(remove).toHaveBeenCalledOnce()
    expect(log).not.toHaveBeenCalled()
  })

  it.each<[number, Error, number]>([[404, new NotFoundError('open timeline', 't', 'open it'), 0], [500, new Error('a bug'), 1]])(
    'that cannot be made is answered with %i', async (status, error, logged) => {
      const outcome = sent(() => Promise.reject(error))
      const [response] = await once(get(url), 'response') as [IncomingMessage]
      response.resume()
      await outcome
      expect([response.statusCode, log.mock.calls.length]).toEqual([status, logged])
    })
})
