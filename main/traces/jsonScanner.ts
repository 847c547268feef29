const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const COLON = 0x3a

export const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
const endsScalar = (byte: number): boolean =>
  isSpace(byte) || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === COLON

/** Where an event's `ts` and `dur` stand in the bytes; -1 where it has none. */
export interface TimePositions {
  tsAt: number
  durAt: number
}

/**
 * End (exclusive) of the JSON value that starts at `from`; -1 when the bytes end first. Counts braces and quotes and
 * checks nothing else: what is between is parsed by JSON.parse.
 * @param times filled in with the positions of the values of `ts` and `dur` where the value is an object.
 */
export function valueEnd(bytes: Uint8Array, from: number, times?: TimePositions): number {
  const first = bytes[from]
  const length = bytes.length
  if (first === QUOTE) return stringEnd(bytes, from)
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
    let at = from
    while (at < length && !endsScalar(bytes[at])) at++
    return at < length ? at : -1
  }
  let depth = 0
  let stringFrom = -1
  let stringTo = -1
  for (let at = from; at < length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      const end = stringEnd(bytes, at)
      if (end < 0) return -1
      stringFrom = at + 1
      stringTo = end - 1
      at = end - 1
    } else if (byte === COLON) {
      if (depth === 1 && times !== undefined) noteTime(bytes, stringFrom, stringTo, at + 1, times)
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--
      if (depth === 0) return at + 1
    }
  }
  return -1
}

function noteTime(bytes: Uint8Array, from: number, to: number, valueAt: number, times: TimePositions): void {
  const isTs = to - from === 2 && bytes[from] === 0x74 && bytes[from + 1] === 0x73
  const isDur = to - from === 3 && bytes[from] === 0x64 && bytes[from + 1] === 0x75 && bytes[from + 2] === 0x72
  if (isTs) times.tsAt = valueAt
  else if (isDur) times.durAt = valueAt
}

/** End (exclusive) of the string whose opening quote is at `from`; -1 when the bytes end first. */
export function stringEnd(bytes: Uint8Array, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === BACKSLASH) at++
    else if (byte === QUOTE) return at + 1
  }
  return -1
}

/** The number or quoted number at a position, as its text. */
export function scalarText(bytes: Buffer, from: number): string {
  let at = from
  while (isSpace(bytes[at])) at++
  const quoted = bytes[at] === QUOTE
  if (quoted) at++
  let end = at
  while (end < bytes.length && bytes[end] !== QUOTE && !endsScalar(bytes[end])) end++
  return bytes.toString('latin1', at, end)
}
