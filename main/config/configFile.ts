import { readFile, stat } from 'node:fs/promises'
import { InvalidInputError, quoteValue, type Problem } from '../../kernels/config/problem.ts'
import { checkRunConfig, type RunConfig } from '../../kernels/config/runConfig.ts'
import { jsonErrorPlace } from './jsonError.ts'
import { applySets } from './setOption.ts'

/** Far above any config; keeps a trace that was given by mistake from being read whole. */
const LARGEST_CONFIG_BYTES = 1 << 20

const EXPECTED = 'a run configuration in JSON, such as {"world": 2, "seqLen": 4096, "heads": 4, "headDim": 64}'

function reasonOf(error: unknown): Omit<Problem, 'path' | 'expected'> {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return { given: 'no such file', hint: 'check the path; configs that come with Ringscope are in fixtures/configs' }
  if (code === 'EISDIR') return { given: 'a folder', hint: 'name one file in it' }
  if (code === 'EACCES') return { given: 'a file that may not be read', hint: 'check its permissions' }
  if (code === 'ENOTDIR') return { given: 'no such file', hint: 'a part of the path is a file, not a folder' }
  return { given: error instanceof Error ? error.message : String(error) }
}

/** What is wrong with a text that JSON.parse refused, and where. */
function notJson(text: string, error: unknown): Omit<Problem, 'path' | 'expected'> {
  if (text.trim() === '') return { given: 'an empty file' }
  const place = jsonErrorPlace(text)
  // The engine says the position in some of its messages, in its own way; once is enough.
  const reason = (error as SyntaxError).message.replace(/( in JSON)? at position \d+.*$/s, '')
  const where = place === null ? '' : ` at line ${place.line}, column ${place.column}`
  return { given: quoteValue(text.slice(0, 40)), hint: `not JSON${where}: ${reason}` }
}

/**
 * Reads a JSON file as it is, not yet checked as a config.
 * @throws InvalidInputError when it cannot be read or is no JSON; the message says at which line.
 */
export async function readConfigJson(path: string): Promise<unknown> {
  const refuse = (problem: Omit<Problem, 'path' | 'expected'>): InvalidInputError =>
    new InvalidInputError(path, [{ path: '', expected: EXPECTED, ...problem }])
  const tooLarge = (bytes: number): InvalidInputError =>
    refuse({ given: `${(bytes / 2 ** 20).toFixed(1)} MiB`, hint: 'a trace is read with "ringscope analyze"' })
  let bytes: Buffer
  try {
    const { size } = await stat(path)
    if (size > LARGEST_CONFIG_BYTES) throw tooLarge(size)
    bytes = await readFile(path)
  } catch (error) {
    throw error instanceof InvalidInputError ? error : refuse(reasonOf(error))
  }
  // A pipe has no size of its own.
  if (bytes.length > LARGEST_CONFIG_BYTES) throw tooLarge(bytes.length)
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refuse(notJson(text, error))
  }
}

/**
 * Loads a config file, applies `path=value` settings in order, and checks the outcome.
 * @throws InvalidInputError with every problem of the settings and the config together.
 */
export async function loadConfigFile(path: string, sets: readonly string[]): Promise<RunConfig> {
  const applied = applySets(await readConfigJson(path), sets)
  const checked = checkRunConfig(applied.input)
  const problems = [...applied.problems, ...checked.problems]
  if (checked.config === null || problems.length > 0) {
    throw new InvalidInputError(sets.length === 0 ? path : `${path} with --set`, problems)
  }
  return checked.config
}
