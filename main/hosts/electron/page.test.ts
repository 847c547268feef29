import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isPageUrl, pageUrl, servePage } from './page.ts'
import { app, schemes } from './testing/electronDouble.ts'

vi.mock('electron', () => import('./testing/electronDouble.ts'))

afterEach(() => {
  app.isPackaged = true
  vi.unstubAllEnvs()
})

describe('the address of the page', () => {
  it.each(['app://ringscope/index.html', 'app://ringscope/', 'app://ringscope/#/run'])('%s is ours', (address) => {
    expect(isPageUrl(address)).toBe(true)
  })

  it.each(['', 'about:blank', 'app://other/', 'app://ringscope.evil/', 'https://ringscope/', 'file:///app/index.html', 'javascript:0', 'data:text/html,x'])(
    '%j is not', (address) => { expect(isPageUrl(address)).toBe(false) })

  it('may be a development server\'s, but never in a packaged app', () => {
    vi.stubEnv('ELECTRON_RENDERER_URL', 'http://localhost:5173')
    expect(pageUrl()).toBe('app://ringscope/index.html')
    expect(isPageUrl('http://localhost:5173/')).toBe(false)
    app.isPackaged = false
    expect(pageUrl()).toBe('http://localhost:5173')
    expect(isPageUrl('http://localhost:5173/x')).toBe(true)
    expect(isPageUrl('http://localhost:5174/x')).toBe(false)
  })
})

describe('serving the page', () => {
  let folder: string
  const get = async (address: string, method = 'GET'): Promise<Response> => {
    const handler = schemes.get('app')
    if (handler === undefined) throw new Error('the scheme is not served')
    return handler(new Request(address, { method }))
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringscope-app-'))
    await writeFile(join(folder, 'index.html'), '<!doctype html>')
    servePage(folder)
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('sends the built files under a strict policy', async () => {
    const response = await get('app://ringscope/index.html')
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('<!doctype html>')
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self';")
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|https?:|ws:|\*/)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it.each(['app://ringscope/missing.js', 'app://ringscope/..%2f..%2fetc/passwd', 'app://other/index.html'])(
    'has nothing at %s', async (address) => { expect((await get(address)).status).toBe(404) })

  it('only reads', async () => {
    expect((await get('app://ringscope/index.html', 'POST')).status).toBe(404)
  })
})
