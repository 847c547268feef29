import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium, type Browser, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import type { Commands } from '../electron-double/commands.ts'
import { cleanEnvironment, root, temporaryFolder } from './paths.ts'
import { startProgram, type Program } from './program.ts'

export interface DoubleApp {
  readonly page: Page
  readonly program: Program
  /** Does what only a user of the window, or an intruder, could do. @throws Error with the app's own message */
  command<C extends keyof Commands>(name: C, ...args: Parameters<Commands[C]>): Promise<Awaited<ReturnType<Commands[C]>>>
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => { resolve(port) })
    })
  })
}

async function connect(port: number, program: Program): Promise<Browser> {
  let ended = false
  void program.exited.finally(() => { ended = true })
  for (const deadline = Date.now() + 30_000; ; await sleep(100)) {
    try {
      return await chromium.connectOverCDP(`http://127.0.0.1:${port}`)
    } catch (error) {
      if (ended || Date.now() > deadline) throw new Error(`the app opened no window:\n${program.stdout()}\n${program.stderr()}`, { cause: error })
    }
  }
}

/**
 * Starts the built Electron app over the double, as `electron . <args>`, and takes hold of its window.
 */
export async function startOverDouble(args: readonly string[] = []): Promise<DoubleApp> {
  const port = await freePort()
  const program = startProgram(process.execPath, [
    join(root, 'tests/electron-double/launch.ts'), join(root, 'out/main/index.js'), root, ...args,
  ], { env: { ...cleanEnvironment(temporaryFolder()), ELECTRON_DOUBLE_PORT: String(port) }, ipc: true })
  const pending = new Map<number, { resolve(value: unknown): void, reject(error: Error): void }>()
  let lastId = 0
  program.child.on('message', (message: { id: number, value: unknown, error?: string }) => {
    const call = pending.get(message.id)
    pending.delete(message.id)
    if (message.error === undefined) call?.resolve(message.value)
    else call?.reject(new Error(message.error))
  })
  void program.exited.then(() => {
    for (const { reject } of pending.values()) reject(new Error(`the app ended:\n${program.stdout()}\n${program.stderr()}`))
  })

  const browser = await connect(port, program)
  onTestFinished(async () => { await browser.close() })
  const [context] = browser.contexts()
  const page = context.pages()[0] ?? await context.waitForEvent('page')
  await page.waitForURL(/\.app\.localhost\//)
  return {
    page, program,
    command: (name, ...given) => new Promise((resolve, reject) => {
      const id = ++lastId
      pending.set(id, { resolve: resolve as (value: unknown) => void, reject })
      program.child.send({ id, command: name, args: given })
    }),
  }
}
