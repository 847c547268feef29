import { app, protocol } from 'electron'
import { pageHeaders } from '../page/contentSecurity.ts'
import { readPageFile } from '../page/pageFiles.ts'

const SCHEME = 'app'
const ORIGIN = `${SCHEME}://ringscope`

/** The development server's address, which nobody may set for an installed app. */
const developmentUrl = (): string | undefined => (app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL)

/** What the window loads. */
export const pageUrl = (): string => developmentUrl() ?? `${ORIGIN}/index.html`

/** True for addresses of our own page. */
export function isPageUrl(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol: scheme, host } = new URL(address)
  const own = new URL(pageUrl())
  return scheme === own.protocol && host === own.host
}

/** Before the app is ready: gives our scheme the standing of https. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** When the app is ready: serves the built page, and nothing else of the disk. */
export function servePage(rendererDir: string): void {
  protocol.handle(SCHEME, async (request) => {
    const headers = pageHeaders()
    const { host, pathname } = new URL(request.url)
    const file = host === 'ringscope' && request.method === 'GET' ? await readPageFile(rendererDir, pathname) : null
    if (file === null) return new Response('there is no such page\n', { status: 404, headers: { ...headers, 'Content-Type': 'text/plain' } })
    return new Response(file.bytes, { headers: { ...headers, 'Content-Type': file.type } })
  })
}
