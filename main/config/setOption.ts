import { quoteValue, type Problem } from '../../kernels/config/problem.ts'

type JsonObject = Record<string, unknown>

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON where it parses as JSON, else the text itself: `8`, `true`, `null`, `{"2": 1.8}`, `zigzag`. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The object with the value at the path, or the path of the key in the way: one that holds no object. */
function withValue(target: JsonObject, keys: readonly string[], value: unknown): JsonObject | readonly string[] {
  const [key, ...rest] = keys
  if (rest.length === 0) return { ...target, [key]: value }
  const inner = Object.hasOwn(target, key) ? target[key] : null
  // A key that is null or absent becomes an object; the schema then says what else belongs in it.
  if (inner !== null && !isObject(inner)) return [key]
  const changed = withValue(inner ?? {}, rest, value)
  return isPath(changed) ? [key, ...changed] : { ...target, [key]: changed }
}

const isPath = (changed: JsonObject | readonly string[]): changed is readonly string[] => Array.isArray(changed)

/**
 * Applies `path=value` settings to a config as written, in order. Paths that the schema does not know are set as well,
 * so that its check reports them like any unknown key.
 */
export function applySets(input: unknown, sets: readonly string[]): { readonly input: unknown; readonly problems: readonly Problem[] } {
  if (!isObject(input)) return { input, problems: [] }
  const problems: Problem[] = []
  let config = input
  for (const set of sets) {
    const equals = set.indexOf('=')
    const keys = equals < 1 ? [] : set.slice(0, equals).trim().split('.')
    if (keys.length === 0 || keys.some((key) => key === '' || key === '__proto__')) {
      problems.push({
        path: '--set', expected: 'path=value, such as --set world=4 or --set link.latencyUs=50', given: quoteValue(set),
      })
      continue
    }
    const value = parseValue(set.slice(equals + 1))
    const changed = withValue(config, keys, value)
    if (!isPath(changed)) config = changed
    else problems.push({
      path: keys.join('.'), expected: 'no such key', given: quoteValue(value), hint: `"${changed.join('.')}" has no keys of its own`,
    })
  }
  return { input: config, problems }
}
