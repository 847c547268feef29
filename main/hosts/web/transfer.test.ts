import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Router } from '../../app/router.ts'
import { receiveUpload } from './transfer.ts'

describe('an upload', () => {
  const router = { handle: vi.fn<Router['handle']>(() => Promise.resolve({ ok: true, data: {} })) }
  const server = createServer()
  let url = ''
  beforeEach(async () => {
    router.handle.mockClear()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/upload`
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  /** What becomes of the next request. @param limit of bytes. */
  const received = async (limit: number): Promise<void> => {
    const [incoming, response] = await once(server, 'request') as [IncomingMessage, ServerResponse]
    await receiveUpload(router, incoming, response, 'a.json', limit)
  }

  it('whose page goes away halfway is no fault of ours, and opens nothing', async () => {
    const outcome = received(1000)
    const sent = request(url, { method: 'POST', headers: { 'Content-Length': 100 } }).on('error', () => undefined)
    sent.write('half')
    await once(server, 'request')
    sent.destroy()
    await expect(outcome).resolves.toBeUndefined()
    expect(router.handle).not.toHaveBeenCalled()
  })

  it.each([['announced', { 'Content-Length': 11 }], ['in pieces', {}]])('of more than the limit, %s, is refused', async (_how, headers) => {
    const outcome = received(10)
    const sent = request(url, { method: 'POST', headers })
    sent.end('eleven byte')
    const [response] = await once(sent, 'response') as [IncomingMessage]
    await outcome
    expect(response.statusCode).toBe(413)
    expect(router.handle).not.toHaveBeenCalled()
  })
})
