import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** The repository's root. */
export const root = join(import.meta.dirname, '..', '..')

/** A folder that goes when the running test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringscope-e2e-'))
  onTestFinished(() => { rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }) })
  return folder
}

/**
 * The environment for a program under test: the user's own configuration and displays stay out of it.
 * @param home folder that stands in for the user's
 */
export function cleanEnvironment(home: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env, HOME: home, USERPROFILE: home, APPDATA: join(home, 'AppData'), LOCALAPPDATA: join(home, 'AppDataLocal'),
    XDG_CONFIG_HOME: join(home, '.config'), XDG_DATA_HOME: join(home, '.local'),
  }
  for (const name of ['DISPLAY', 'WAYLAND_DISPLAY', 'NODE_OPTIONS', 'VITEST', 'VITEST_WORKER_ID', 'VITEST_POOL_ID', 'NODE_ENV', 'TEST', 'INIT_CWD']) {
    Reflect.deleteProperty(env, name)
  }
  return env
}
