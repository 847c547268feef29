/*
 * UTF-8 in which half of a surrogate pair, which JSON can spell (\\ud83d) but UTF-8 cannot, has three bytes as any other
 * code point of its size: so every text of JSON has bytes of its own. Known as WTF-8.
 */
const HALVES = /\p{Surrogate}/u

/** The bytes of a text. */
export function encodeText(text: string): Buffer {
  if (!HALVES.test(text)) return Buffer.from(text)
  const parts = text.split(new RegExp(`(${HALVES.source})`, 'u'))
  return Buffer.concat(parts.map((part) => {
    if (!HALVES.test(part)) return Buffer.from(part)
    const unit = part.charCodeAt(0)
    return Buffer.from([0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)])
  }))
}

/** The text of bytes. What is no character becomes U+FFFD. */
export function decodeText(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!text.includes('\ufffd')) return text
  let decoded = ''
  let from = 0
  for (let at = bytes.indexOf(0xed); at >= 0 && at + 2 < bytes.length; at = bytes.indexOf(0xed, at + 1)) {
    const [second, third] = [bytes[at + 1], bytes[at + 2]]
    if ((second & 0xe0) !== 0xa0 || (third & 0xc0) !== 0x80) continue
    decoded += bytes.toString('utf8', from, at) + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f))
    from = at + 3
  }
  return decoded + bytes.toString('utf8', from)
}
