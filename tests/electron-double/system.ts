import type { dialog as electronDialog, Menu as ElectronMenu, session as electronSession, shell as electronShell, protocol as electronProtocol } from 'electron'
import { app } from './app.ts'

/** An answer that the test has ready for the next dialog of a kind; without one the user cancels. */
export interface DialogAnswers {
  readonly open: string[][]
  readonly save: string[]
}

export const dialogAnswers: DialogAnswers = { open: [], save: [] }
/** Every dialog that was shown. */
export const dialogLog: { readonly kind: 'open' | 'save' | 'message' | 'error', readonly options: unknown }[] = []

/** The options are the last argument: a parent window may come first. */
const optionsOf = (args: readonly unknown[]): unknown => args.at(-1)

export const dialog = {
  showOpenDialog(...args: unknown[]) {
    dialogLog.push({ kind: 'open', options: optionsOf(args) })
    const paths = dialogAnswers.open.shift()
    return Promise.resolve({ canceled: paths === undefined, filePaths: paths ?? [] })
  },
  showSaveDialog(...args: unknown[]) {
    dialogLog.push({ kind: 'save', options: optionsOf(args) })
    const path = dialogAnswers.save.shift()
    return Promise.resolve({ canceled: path === undefined, filePath: path ?? '' })
  },
  showMessageBox(...args: unknown[]) {
    dialogLog.push({ kind: 'message', options: optionsOf(args) })
    return Promise.resolve({ response: 0, checkboxChecked: false })
  },
  showErrorBox(title: string, content: string) { dialogLog.push({ kind: 'error', options: { title, content } }) },
} satisfies Pick<typeof electronDialog, 'showOpenDialog' | 'showSaveDialog' | 'showMessageBox' | 'showErrorBox'>

type Template = Electron.MenuItemConstructorOptions

/** Roles that Electron knows, as its definitions list them: a misspelt one fails the type check of main already. */
class MenuDouble {
  readonly template: readonly Template[]
  constructor(template: readonly Template[]) { this.template = template }

  /** @throws Error naming what there is, when the path leads nowhere or to an item that does nothing */
  click(path: readonly string[], window: unknown): void {
    let items = this.template
    for (const [depth, label] of path.entries()) {
      const item = items.find((candidate) => candidate.label === label)
      if (item === undefined) throw new Error(`no menu item ${label}; there are ${items.map((other) => other.label ?? other.role ?? other.type).join(', ')}`)
      if (depth === path.length - 1) {
        if (item.click === undefined) throw new Error(`menu item ${label} does nothing`)
        item.click(item as unknown as Electron.MenuItem, window as Electron.BaseWindow, {} as Electron.KeyboardEvent)
        return
      }
      items = item.submenu as Template[]
    }
  }
}

export let applicationMenu: MenuDouble | null = null

export const Menu = {
  // Items that were built before are not used here, only descriptions of items.
  buildFromTemplate: (template: readonly (Template | Electron.MenuItem)[]) => new MenuDouble(template as readonly Template[]) as unknown as Electron.Menu,
  setApplicationMenu(menu: Electron.Menu | null) { applicationMenu = menu as unknown as MenuDouble | null },
} satisfies Pick<typeof ElectronMenu, 'buildFromTemplate' | 'setApplicationMenu'>

type RequestHandler = Parameters<Electron.Session['setPermissionRequestHandler']>[0]
type CheckHandler = Parameters<Electron.Session['setPermissionCheckHandler']>[0]
let requestHandler: RequestHandler = null
let checkHandler: CheckHandler = null

export const session = {
  defaultSession: {
    setPermissionRequestHandler(handler: RequestHandler) { requestHandler = handler },
    setPermissionCheckHandler(handler: CheckHandler) { checkHandler = handler },
  } satisfies Pick<Electron.Session, 'setPermissionRequestHandler' | 'setPermissionCheckHandler'>,
} satisfies { defaultSession: Partial<typeof electronSession.defaultSession> }

/** What main answers when a page asks the system for something; Electron grants everything where nobody answers. */
export async function askPermission(permission: 'media' | 'geolocation' | 'notifications'): Promise<{ requested: boolean, checked: boolean }> {
  const contents = {} as Electron.WebContents
  const requested = requestHandler === null ? true
    : await new Promise<boolean>((resolve) => { requestHandler?.(contents, permission, resolve, {} as Electron.PermissionRequest) })
  return { requested, checked: checkHandler?.(contents, permission, 'app://ringscope', {} as Electron.PermissionCheckHandlerHandlerDetails) ?? true }
}

export const openedExternally: string[] = []
export const shell = {
  openExternal(url: string) {
    openedExternally.push(url)
    return Promise.resolve()
  },
} satisfies Pick<typeof electronShell, 'openExternal'>

type ProtocolHandler = Parameters<typeof electronProtocol.handle>[1]
export const protocolHandlers = new Map<string, ProtocolHandler>()
export const privilegedSchemes = new Map<string, Electron.Privileges>()

export const protocol = {
  registerSchemesAsPrivileged(schemes: Electron.CustomScheme[]) {
    if (app.isReady()) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready')
    for (const { scheme, privileges } of schemes) privilegedSchemes.set(scheme, privileges ?? {})
  },
  handle(scheme: string, handler: ProtocolHandler) {
    if (!app.isReady()) throw new Error('protocol.handle can only be used after app is ready')
    if (protocolHandlers.has(scheme)) throw new Error(`the scheme ${scheme} is handled already`)
    protocolHandlers.set(scheme, handler)
  },
} satisfies Pick<typeof electronProtocol, 'registerSchemesAsPrivileged' | 'handle'>
