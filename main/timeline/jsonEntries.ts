/** One entry of a JSON object's text. */
export interface JsonEntry {
  /** The key between its quotes, as written. */
  readonly key: string
  /** Where the value's text begins and ends. */
  readonly from: number
  readonly to: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) return at + 1
  }
  return text.length
}

/** The end of the value that begins at `from`: the comma or bracket that closes it, spaces before that left out. */
function valueEnd(text: string, from: number): number {
  let depth = 0
  let end = from
  for (let at = from; at < text.length;) {
    const char = text[at]
    if (char === '"') {
      at = stringEnd(text, at)
      end = at
      continue
    }
    if (depth === 0 && (char === ',' || char === '}' || char === ']')) return end
    if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
    at++
    if (!isSpace(char.charCodeAt(0))) end = at
  }
  return end
}

/**
 * The entries of a JSON object's text in the order written, doubled keys included, without parsing the values. The text
 * may have holes (see traceContent.ts) and values that are no JSON (`ncclFloat32`): a value ends at its comma or bracket.
 * Empty where the text is no object.
 */
export function jsonEntries(text: string): JsonEntry[] {
  const entries: JsonEntry[] = []
  let at = 0
  const skipSpace = (): void => {
    while (at < text.length && isSpace(text.charCodeAt(at))) at++
  }
  skipSpace()
  if (text[at] !== '{') return entries
  at++
  for (;;) {
    skipSpace()
    if (text[at] !== '"') return entries
    const keyEnd = stringEnd(text, at)
    const key = text.slice(at + 1, keyEnd - 1)
    at = keyEnd
    skipSpace()
    if (text[at] !== ':') return entries
    at++
    skipSpace()
    const to = valueEnd(text, at)
    entries.push({ key, from: at, to })
    at = to
    skipSpace()
    if (text[at] !== ',') return entries
    at++
  }
}

/** What a JSON string's text between its quotes says. A text whose escapes are no JSON stays as it is. */
export function unescapeJson(inner: string): string {
  if (!inner.includes('\\')) return inner
  try {
    return JSON.parse(`"${inner}"`) as string
  } catch {
    return inner
  }
}
