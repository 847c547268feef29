import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { CHROMIUM_FLAGS, chromiumPath } from './chromium.ts'

/** One browser for the tests of a file. */
export function browserForThisFile(): { newPage(): Promise<WatchedPage> } {
  let browser: Browser | undefined
  beforeAll(async () => { browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS }) })
  afterAll(async () => { await browser?.close() })
  return {
    async newPage() {
      if (browser === undefined) throw new Error('the browser is not up yet')
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true })
      onTestFinished(async () => { await context.close() })
      return watch(context, await context.newPage())
    },
  }
}

export interface WatchedPage {
  readonly page: Page
  /** Errors on the console, uncaught exceptions, violated policies and requests that left this machine, so far. */
  troubles(): string[]
}

/** Notes everything that a page must not do. */
export async function watch(context: BrowserContext, page: Page): Promise<WatchedPage> {
  const troubles: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => { troubles.push(`uncaught: ${error.stack ?? error.message}`) })
  context.on('request', (request) => {
    const url = new URL(request.url())
    const local = ['data:', 'blob:', 'app:'].includes(url.protocol) || url.hostname === '127.0.0.1' || url.hostname.endsWith('.localhost')
    if (!local) troubles.push(`request left the machine: ${request.url()}`)
  })
  await page.exposeFunction('reportPolicyViolation', (text: string) => { troubles.push(`policy: ${text}`) })
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const report = (globalThis as unknown as { reportPolicyViolation(text: string): Promise<void> }).reportPolicyViolation
      void report(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)
    })
  })
  return { page, troubles: () => [...troubles] }
}
