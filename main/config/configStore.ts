import { lstat, mkdir, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import envPaths from 'env-paths'
import writeFileAtomic from 'write-file-atomic'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { parseRunConfig, type RunConfig } from '../../kernels/config/runConfig.ts'
import type { ConfigEntry } from '../../preload/contract/config.ts'
import { loadConfigFile } from './configFile.ts'
import { byExampleOrder, exampleGroup } from './exampleGroups.ts'
import { slug } from './slug.ts'

const EXTENSION = '.json'
const USER_GROUP = 'Your configs'
/** Different names that come to the same stem; beyond this many something else is wrong. */
const MOST_NAMESAKES = 1000

const isCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code

/** Where a user's own configs are: `RINGSCOPE_CONFIG_DIR`, else a folder where the system keeps settings. */
export function defaultUserConfigDir(env: NodeJS.ProcessEnv = process.env): string {
  const named = env.RINGSCOPE_CONFIG_DIR
  // Set to nothing is as good as not set.
  return named === undefined || named === '' ? join(envPaths('ringscope', { suffix: '' }).config, 'configs') : named
}

/** Lists the configs that ship with Ringscope and the user's own, and saves the latter. */
export class ConfigStore {
  readonly userDir: string
  readonly #fixturesDir: string

  /** @param fixturesDir folder of the shipped configs. @param userDir made at the first save. */
  constructor(fixturesDir: string, userDir: string) {
    this.#fixturesDir = fixturesDir
    this.userDir = userDir
  }

  /** Shipped ones first, in the order of their groups; the user's by file name. A file that is refused is listed with its problems. */
  async list(): Promise<ConfigEntry[]> {
    const fixtures = await this.#read('fixture', this.#fixturesDir)
    fixtures.sort((a, b) => byExampleOrder(basename(a.fileName, EXTENSION), basename(b.fileName, EXTENSION)))
    return [...fixtures, ...await this.#read('user', this.userDir)]
  }

  /**
   * Saves a config under a name, replacing the user's config of that name if there is one.
   * @throws InvalidInputError with every problem of the config.
   */
  async save(name: string, input: unknown): Promise<ConfigEntry> {
    const named = typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input, name } : input
    const config = parseRunConfig(named, `config ${JSON.stringify(name)}`)
    await mkdir(this.userDir, { recursive: true })
    const fileName = await this.#fileNameFor(name)
    await writeFileAtomic(join(this.userDir, fileName), `${JSON.stringify(config, null, 2)}\n`)
    return { id: idOf('user', fileName), source: 'user', group: USER_GROUP, fileName, config, problems: [] }
  }

  /** The file that holds the config of this name, else a free one: never a file that holds something else. */
  async #fileNameFor(name: string): Promise<string> {
    const stem = slug(name)
    for (let number = 1; number <= MOST_NAMESAKES; number++) {
      const fileName = `${stem}${number === 1 ? '' : `-${number}`}${EXTENSION}`
      if (await this.#mayHold(join(this.userDir, fileName), name)) return fileName
    }
    throw new InvalidInputError(this.userDir, [{
      path: 'name', expected: 'a name that differs from those already saved', given: JSON.stringify(name),
    }])
  }

  async #mayHold(path: string, name: string): Promise<boolean> {
    try {
      // A link may lead out of the folder, and writing would follow it.
      if (!(await lstat(path)).isFile()) return false
    } catch (error) {
      if (isCode(error, 'ENOENT')) return true
      throw error
    }
    const { config } = await load('user', path)
    return config?.name === name
  }

  async #read(source: ConfigEntry['source'], folder: string): Promise<ConfigEntry[]> {
    let names: string[]
    try {
      names = await readdir(folder)
    } catch (error) {
      if (isCode(error, 'ENOENT')) return []
      throw error
    }
    const files = names.filter((name) => name.endsWith(EXTENSION) && !name.startsWith('.')).sort()
    return Promise.all(files.map((fileName) => load(source, join(folder, fileName))))
  }
}

const idOf = (source: ConfigEntry['source'], fileName: string): string => `${source}:${basename(fileName, EXTENSION)}`

async function load(source: ConfigEntry['source'], path: string): Promise<ConfigEntry> {
  const fileName = basename(path)
  const group = source === 'user' ? USER_GROUP : exampleGroup(basename(fileName, EXTENSION))
  const entry = (config: RunConfig | null, problems: ConfigEntry['problems']): ConfigEntry =>
    ({ id: idOf(source, fileName), source, group, fileName, config, problems })
  try {
    return entry(await loadConfigFile(path, []), [])
  } catch (error) {
    if (error instanceof InvalidInputError) return entry(null, error.problems)
    throw error
  }
}
