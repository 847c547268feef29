import type { BrowserWindow as ElectronBrowserWindow } from 'electron'
import { EventEmitter } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext, type CDPSession, type Page, type Route } from 'playwright-core'
import { CHROMIUM_FLAGS, chromiumPath } from '../support/chromium.ts'
import { app, emitAppEvent, onExit, preventable } from './app.ts'
import { cloning } from './cloning.ts'
import { contextBridgeEnd } from './contextBridge.ts'
import { invoke } from './ipcMain.ts'
import { type FromMain, preloadModule } from './preloadModule.ts'
import { privilegedSchemes, protocolHandlers } from './system.ts'

/**
 * BrowserWindow over a page of a real Chromium.
 *
 * Chromium knows no scheme of ours, so `app://ringscope/x` is shown as `http://ringscope.app.localhost/x`, a secure
 * context too, whose every request is answered by main's own protocol handler. The preload runs in an isolated world.
 */
const clone = cloning()
const WORLD = 'electron-preload'
const BINDING = 'electronDoubleToMain'

const HOST = /^([^.]+)\.([a-z]+)\.localhost$/

/** The address that Chromium is given for one of main's. */
function shownAs(address: string): string {
  const url = new URL(address)
  const scheme = url.protocol.slice(0, -1)
  return privilegedSchemes.has(scheme) ? `http://${url.host}.${scheme}.localhost${url.pathname}${url.search}${url.hash}` : address
}

/** The address that main knows for one of Chromium's. */
function knownAs(address: string): string {
  const url = new URL(address)
  const [, host, scheme] = HOST.exec(url.hostname) ?? []
  return scheme === undefined ? address : `${scheme}://${host}${url.pathname}${url.search}${url.hash}`
}

/** Requests that main's handlers did not answer: a page may make none. */
export const strayRequests: string[] = []
export const windowsAsked: string[] = []
/** Errors on the page's console, violated policies among them, and uncaught exceptions. */
export const pageErrors: string[] = []

class WebContentsDouble extends EventEmitter {
  readonly mainFrame: Pick<Electron.WebFrameMain, 'parent'> & { url: string } = { url: '', parent: null }
  openHandler: Parameters<Electron.WebContents['setWindowOpenHandler']>[0] = () => ({ action: 'allow' })
  #session: CDPSession | undefined
  #preloadContext: number | undefined

  setWindowOpenHandler(handler: Parameters<Electron.WebContents['setWindowOpenHandler']>[0]): void { this.openHandler = handler }

  isDestroyed(): boolean { return this.#session === undefined }

  getURL(): string { return this.mainFrame.url }

  send(channel: string, ...args: unknown[]): void { this.#toPage({ message: { channel, args } }) }

  /** Calls into the preload's world, for the test. */
  evaluateInPreload(expression: string): void {
    if (this.#session === undefined || this.#preloadContext === undefined) return
    // A page that has just gone hears nothing; that is no fault of main's.
    this.#session.send('Runtime.evaluate', { contextId: this.#preloadContext, expression }).catch(() => undefined)
  }

  #toPage(message: FromMain): void {
    // Electron, too, refuses what cannot be cloned at once.
    this.evaluateInPreload(`electronDouble.fromMain(${JSON.stringify(clone.write(message))})`)
  }

  async #answer(text: string): Promise<void> {
    const { id, channel, args } = clone.read(text) as { id: number, channel: string, args: unknown[] }
    const event = { sender: this, senderFrame: this.mainFrame, frameId: 1, processId: 1, type: 'frame', ...preventable() }
    try {
      this.#toPage({ reply: { id, value: await invoke(channel, event as unknown as Electron.IpcMainInvokeEvent, args) } })
    } catch (error) {
      this.#toPage({ reply: { id, value: undefined, error: error instanceof Error ? error.message : String(error) } })
    }
  }

  async attach(page: Page, preload: string | undefined): Promise<void> {
    const session = await page.context().newCDPSession(page)
    this.#session = session
    session.on('Runtime.executionContextCreated', ({ context }) => {
      if (context.name === WORLD) this.#preloadContext = context.id
    })
    session.on('Runtime.executionContextsCleared', () => { this.#preloadContext = undefined })
    session.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name === BINDING && executionContextId === this.#preloadContext) void this.#answer(payload)
    })
    await session.send('Runtime.enable')
    await session.send('Page.enable')
    await session.send('Runtime.addBinding', { name: BINDING, executionContextName: WORLD })
    const topOnly = (body: string): string => `if (window.top === window) { ${body} }`
    await session.send('Page.addScriptToEvaluateOnNewDocument', { source: topOnly(`(${String(contextBridgeEnd)})('page', 'preload')`) })
    if (preload === undefined) return
    // A sandboxed preload can require electron and a few modules of Node's; ours needs only the former.
    const source = topOnly(`
      globalThis.electronDouble = (${String(preloadModule)})({
        toMain: (text) => globalThis.${BINDING}(text), clone: (${String(cloning)})(), bridge: (${String(contextBridgeEnd)})('preload', 'page'),
      });
      ((require, module, exports, process) => { ${readFileSync(preload, 'utf8')}
      })((name) => {
        if (name === 'electron') return electronDouble.electron
        throw new Error('module not found: ' + name)
      }, { exports: {} }, {}, undefined)`)
    await session.send('Page.addScriptToEvaluateOnNewDocument', { source, worldName: WORLD })
  }

  detach(): void { this.#session = undefined }
}

let context: BrowserContext | undefined
let opening: Promise<BrowserContext> | undefined

/** @returns the browser that stands in for Electron's, started with the first window */
function browserContext(): Promise<BrowserContext> {
  opening ??= (async () => {
    // In the home folder that the test gave the app, and takes away whatever way the app ends.
    const profile = mkdtempSync(join(process.env.HOME ?? tmpdir(), 'electron-double-'))
    context = await chromium.launchPersistentContext(profile, {
      executablePath: chromiumPath(), viewport: { width: 1440, height: 900 },
      args: [...CHROMIUM_FLAGS, `--remote-debugging-port=${process.env.ELECTRON_DOUBLE_PORT ?? '0'}`],
    })
    onExit(async () => {
      await context?.close()
      rmSync(profile, { recursive: true, force: true })
    })
    return context
  })()
  return opening
}

async function respond(route: Route, contents: WebContentsDouble, page: Page): Promise<void> {
  const request = route.request()
  const address = knownAs(request.url())
  const scheme = new URL(address).protocol.slice(0, -1)
  const isNavigation = request.isNavigationRequest() && request.frame() === page.mainFrame()
  const from = contents.mainFrame.url
  if (isNavigation && from !== '' && knownAs(page.url()) === from && address !== from) {
    const event = { ...preventable(), url: address, isMainFrame: true, isSameDocument: false, frame: contents.mainFrame }
    let prevented = false
    event.preventDefault = () => { prevented = true }
    contents.emit('will-navigate', event, address)
    if (prevented) return route.abort('aborted')
  }
  const handler = protocolHandlers.get(scheme)
  if (handler === undefined) {
    strayRequests.push(address)
    return route.abort('blockedbyclient')
  }
  const body = request.postDataBuffer()
  const response = await handler(new Request(address, {
    method: request.method(), headers: request.headers(), body: body === null ? null : new Uint8Array(body),
  }) as Parameters<typeof handler>[0])
  await route.fulfill({
    status: response.status, headers: Object.fromEntries(response.headers), body: Buffer.from(await response.arrayBuffer()),
  })
}

type Surface = Pick<ElectronBrowserWindow, 'loadURL' | 'show' | 'focus' | 'isDestroyed' | 'isMinimized' | 'restore' | 'close' | 'destroy' | 'setTitle'>

class BrowserWindowDouble extends EventEmitter implements Surface {
  static readonly all: BrowserWindowDouble[] = []
  readonly options: Electron.BrowserWindowConstructorOptions
  readonly webContents = new WebContentsDouble()
  readonly #page: Promise<Page>
  #destroyed = false
  visible: boolean

  static getAllWindows(): BrowserWindowDouble[] { return BrowserWindowDouble.all.filter((window) => !window.#destroyed) }

  constructor(options: Electron.BrowserWindowConstructorOptions = {}) {
    super()
    if (!app.isReady()) throw new Error('Cannot create BrowserWindow before app is ready')
    this.options = options
    this.visible = options.show ?? true
    BrowserWindowDouble.all.push(this)
    emitAppEvent('web-contents-created', preventable(), this.webContents)
    this.#page = this.#open()
  }

  async #open(): Promise<Page> {
    const browser = await browserContext()
    const page = BrowserWindowDouble.all[0] === this ? browser.pages()[0] : await browser.newPage()
    await this.webContents.attach(page, this.options.webPreferences?.preload)
    await page.route('**/*', (route) => respond(route, this.webContents, page))
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame()) this.webContents.mainFrame.url = knownAs(frame.url())
    })
    page.on('console', (message) => { if (message.type() === 'error') pageErrors.push(message.text()) })
    page.on('pageerror', (error) => { pageErrors.push(error.stack ?? error.message) })
    page.on('load', () => {
      this.webContents.emit('did-finish-load')
      this.emit('ready-to-show')
    })
    page.on('popup', (popup) => {
      windowsAsked.push(popup.url())
      const { action } = this.webContents.openHandler({ url: popup.url() } as Electron.HandlerDetails)
      if (action === 'deny') void popup.close()
    })
    page.on('close', () => { this.#gone() })
    return page
  }

  #gone(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.webContents.detach()
    this.emit('closed')
    if (BrowserWindowDouble.getAllWindows().length === 0) emitAppEvent('window-all-closed')
  }

  async loadURL(url: string): Promise<void> {
    const page = await this.#page
    await page.goto(shownAs(url))
  }

  show(): void { this.visible = true }
  focus(): void { /* there is one window and nobody looks at it */ }
  isMinimized(): boolean { return false }
  restore(): void { this.visible = true }
  setTitle(): void { /* a headless page has no title bar */ }
  isDestroyed(): boolean { return this.#destroyed }

  close(): void {
    const event = preventable()
    this.emit('close', event)
    if (!event.defaultPrevented) this.destroy()
  }

  destroy(): void { void this.#page.then((page) => page.close()) }
}

export { BrowserWindowDouble as BrowserWindow }
