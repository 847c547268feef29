import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isSpace, OPEN_BRACE, QUOTE, skipSpace } from './bytes.ts'

/** Keys that an event begins with. */
const EVENT_KEYS = new Set(['ph', 'cat', 'name', 'pid', 'tid', 'ts', 'dur', 'id', 'bp', 's', 'args', 'tts', 'id2', 'bind_id'])
const LONGEST_KEY = 7
/** Whitespace that may stand between an event's brace and its first key's colon. */
const LONGEST_GAP = 256

/** Whether an object at this brace begins like an event; 'more' where the bytes end before that can be told. */
export function beginsLikeEvent(bytes: Uint8Array, brace: number, end: number): boolean | 'more' {
  const limit = Math.min(end, brace + LONGEST_GAP)
  const cut = limit === end ? 'more' : false
  const quote = skipSpace(bytes, brace + 1, limit)
  if (quote >= limit) return cut
  if (bytes[quote] !== QUOTE) return false
  const keyLimit = Math.min(end, quote + 2 + LONGEST_KEY)
  let to = quote + 1
  while (to < keyLimit && bytes[to] !== QUOTE) to++
  if (to >= keyLimit) return keyLimit === end ? 'more' : false
  if (!EVENT_KEYS.has(Buffer.from(bytes.buffer, bytes.byteOffset + quote + 1, to - quote - 1).toString('latin1'))) return false
  const colon = skipSpace(bytes, to + 1, limit)
  return colon >= limit ? cut : bytes[colon] === COLON
}

export type Resync =
  /** An object that begins like an event. */
  | { readonly kind: 'event'; readonly at: number }
  /** The bracket that closes the array of events; only where `inObject`. */
  | { readonly kind: 'array-end'; readonly at: number }
  /** Neither, up to `at`: what comes before it is passed over, the rest needs more bytes to tell. */
  | { readonly kind: 'none'; readonly at: number; readonly lastSolid: number }

/**
 * Where reading can go on after damage: at the next object that begins like an event and is no value of a key, or where
 * the array of events ends and further keys follow.
 * @param lastSolid the last byte before `from` that is no whitespace; 0 for none
 * @param inObject whether the events are in an object, so that keys may follow them
 */
export function findResync(bytes: Uint8Array, from: number, end: number, lastSolid: number, inObject: boolean): Resync {
  let before = lastSolid
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    if (isSpace(byte)) continue
    if (byte === OPEN_BRACE && before !== COLON) {
      const begins = beginsLikeEvent(bytes, at, end)
      if (begins === 'more') return { kind: 'none', at, lastSolid: before }
      if (begins) return { kind: 'event', at }
    } else if (inObject && byte === CLOSE_BRACKET && before === CLOSE_BRACE) {
      const next = skipSpace(bytes, at + 1, end)
      if (next >= end) return { kind: 'none', at, lastSolid: before }
      if (bytes[next] === CLOSE_BRACE) return { kind: 'array-end', at }
      if (bytes[next] === COMMA) {
        const key = skipSpace(bytes, next + 1, end)
        if (key >= end) return { kind: 'none', at, lastSolid: before }
        if (bytes[key] === QUOTE) return { kind: 'array-end', at }
      }
    }
    before = byte
  }
  return { kind: 'none', at: end, lastSolid: before }
}
