import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { InvalidInputError, type Problem, quoteValue } from '../../kernels/config/problem.ts'
import { defaultUserConfigDir } from '../config/configStore.ts'
import { jsonErrorPlace } from '../config/jsonError.ts'

/** What a span of a device can be put down as. */
export const RULE_CATEGORIES = ['compute', 'communication', 'memory', 'other'] as const
export type RuleCategory = (typeof RULE_CATEGORIES)[number]

/** The file's name in the user's folder. */
export const CLASSIFICATION_FILE = 'classification.json'

const problemOfPattern = (pattern: string): string | null => {
  try {
    new RegExp(pattern)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

const pattern = z.string().min(1).superRefine((value, context) => {
  const problem = problemOfPattern(value)
  if (problem !== null) context.addIssue({ code: 'custom', message: `a regular expression (${problem})` })
})

/**
 * `classification.json`: rules that go before ours, in order; the first that matches decides.
 *
 *     {"rules": [{"match": "my_ring_kernel_(fwd|bwd)", "kind": "attention", "category": "compute"}]}
 *
 * - `match`: a JavaScript regular expression, searched anywhere in the name and case-sensitive; `(?i:...)` ignores case.
 * - `cat` (optional): the event's category must equal it, in any case: "kernel", "cpu_op". A rule without one is tried
 *   on what runs on a device (kernels, copies, fills) and on nothing else; with one, on every event of that category.
 * - `kind`: what it is called in the breakdown. "attention", "attention backward" and "attention merge" are also what
 *   rings are recognised by.
 * - `category`: compute, communication, memory or other: what it counts as.
 */
export const classificationRulesSchema = z.strictObject({
  rules: z.array(z.strictObject({
    match: pattern,
    cat: z.string().optional(),
    kind: z.string().min(1).max(100),
    category: z.enum(RULE_CATEGORIES),
  })).max(200),
})

export type ClassificationRule = z.infer<typeof classificationRulesSchema>['rules'][number]

/** Rules of the user, as read. Plain data: they cross to worker threads. */
export interface ClassificationRules {
  /** The file. */
  readonly path: string
  readonly rules: readonly ClassificationRule[]
}

const EXPECTED = 'rules in JSON, such as {"rules": [{"match": "my_kernel", "kind": "attention", "category": "compute"}]}'

const pathOf = (parts: readonly PropertyKey[]): string =>
  parts.reduce<string>((path, part) => (typeof part === 'number' ? `${path}[${part}]` : path === '' ? String(part) : `${path}.${String(part)}`), '')

function valueAt(input: unknown, parts: readonly PropertyKey[]): unknown {
  return parts.reduce<unknown>((value, part) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined), input)
}

/**
 * Rules from a file's text.
 * @throws InvalidInputError that names the file, the place in it (line and column, or the rule: `rules[2].match`), what
 *   was expected there and what was found.
 */
export function parseClassificationRules(text: string, path: string): ClassificationRules {
  let input: unknown
  try {
    input = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    const place = jsonErrorPlace(text)
    const hint = place === null ? 'not JSON' : `not JSON at line ${place.line}, column ${place.column}`
    throw new InvalidInputError(path, [{ path: '', expected: EXPECTED, given: text.trim() === '' ? 'an empty file' : quoteValue(text.slice(0, 40)), hint }])
  }
  const parsed = classificationRulesSchema.safeParse(input)
  if (parsed.success) return { path, rules: parsed.data.rules }
  throw new InvalidInputError(path, parsed.error.issues.map((issue): Problem => ({
    path: pathOf(issue.path), expected: issue.path.length === 0 ? EXPECTED : issue.message, given: quoteValue(valueAt(input, issue.path)),
  })))
}

/** The folder that `classification.json` is looked for in: the one that holds the user's configs folder. */
export const defaultClassificationDir = (env: NodeJS.ProcessEnv = process.env): string => dirname(defaultUserConfigDir(env))

/**
 * The user's rules, from `classification.json` in a folder; null where there is no such file.
 * @throws InvalidInputError as parseClassificationRules, and where the file is there but cannot be read.
 */
export async function loadClassificationRules(dir: string): Promise<ClassificationRules | null> {
  const path = join(dir, CLASSIFICATION_FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw new InvalidInputError(path, [{ path: '', expected: EXPECTED, given: message, hint: 'make it readable, or remove it' }])
  }
  return parseClassificationRules(text, path)
}
