/** Thrown inside only: where the text stops being JSON. */
class Stop extends Error {
  readonly at: number
  constructor(at: number) {
    super('not JSON')
    this.at = at
  }
}

const WHITE = /[ \t\n\r]*/y
/** A string up to its closing quote, or as far as it is one: anything from the blank on but quote and backslash, or an escape. */
const STRING_BODY = /"(?:[ !#-[\]-\uffff]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /true|false|null/y

/** The end of what `pattern` matches at `at`, or -1. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : -1
}

const skipWhite = (text: string, at: number): number => endOf(WHITE, text, at)

function stringEnd(text: string, at: number): number {
  const end = endOf(STRING_BODY, text, at)
  if (end === -1) throw new Stop(at)
  if (text[end] !== '"') throw new Stop(end)
  return end + 1
}

/** Members of an object or items of an array, from its opening bracket. */
function containerEnd(text: string, open: number, close: string, memberEnd: (at: number) => number): number {
  let at = skipWhite(text, open + 1)
  if (text[at] === close) return at + 1
  for (;;) {
    at = skipWhite(text, memberEnd(at))
    if (text[at] === close) return at + 1
    if (text[at] !== ',') throw new Stop(at)
    at = skipWhite(text, at + 1)
  }
}

function valueEnd(text: string, at: number): number {
  switch (text[at]) {
    case '{':
      return containerEnd(text, at, '}', (key) => {
        const colon = skipWhite(text, stringEnd(text, key))
        if (text[colon] !== ':') throw new Stop(colon)
        return valueEnd(text, skipWhite(text, colon + 1))
      })
    case '[': return containerEnd(text, at, ']', (item) => valueEnd(text, item))
    case '"': return stringEnd(text, at)
    default: {
      const end = Math.max(endOf(NUMBER, text, at), endOf(WORD, text, at))
      if (end === -1) throw new Stop(at)
      return end
    }
  }
}

/**
 * Where a text stops being JSON. `JSON.parse` says it in some of its messages only.
 * @returns line and column from 1, null for JSON and for text that is nested too deep to follow.
 */
export function jsonErrorPlace(text: string): { readonly line: number; readonly column: number } | null {
  let offset: number
  try {
    offset = skipWhite(text, valueEnd(text, skipWhite(text, 0)))
    if (offset === text.length) return null
  } catch (reason) {
    if (reason instanceof RangeError) return null
    if (!(reason instanceof Stop)) throw reason
    offset = reason.at
  }
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
