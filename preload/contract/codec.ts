/**
 * JSON with typed arrays, for carriers that move text. A typed array becomes `{"$typed": [kind, base64]}`.
 * Numbers JSON cannot hold (NaN, infinities) do not occur in the contract: absent figures are null.
 */
const KINDS = { Uint8Array, Uint32Array, Int32Array, Float32Array, Float64Array } as const
type Kind = keyof typeof KINDS
type TypedArray = InstanceType<(typeof KINDS)[Kind]>

const KEY = '$typed'

function toBase64(bytes: Uint8Array): string {
  let text = ''
  const chunk = 0x8000
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk))
  return btoa(text)
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

function kindOf(value: unknown): Kind | undefined {
  if (!ArrayBuffer.isView(value)) return undefined
  if (value instanceof Uint8Array) return 'Uint8Array'
  return (Object.keys(KINDS) as Kind[]).find((kind) => value instanceof KINDS[kind])
}

/** @throws TypeError for a view the contract does not use. */
export function encode(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (!ArrayBuffer.isView(item)) return item
    const kind = kindOf(item)
    if (kind === undefined) throw new TypeError(`cannot encode ${Object.prototype.toString.call(item)}`)
    return { [KEY]: [kind, toBase64(new Uint8Array(item.buffer, item.byteOffset, item.byteLength))] }
  })
}

/** @throws SyntaxError on text that {@link encode} cannot have written. */
export function decode(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown): unknown => {
    if (typeof item !== 'object' || item === null || !Object.hasOwn(item, KEY)) return item
    const [kind, data] = (item as Record<string, unknown[]>)[KEY] ?? []
    if (typeof kind !== 'string' || typeof data !== 'string' || !Object.hasOwn(KINDS, kind)) {
      throw new SyntaxError(`malformed typed array: ${String(kind)}`)
    }
    const View = KINDS[kind as Kind] as new (buffer: ArrayBuffer) => TypedArray
    return new View(fromBase64(data).buffer)
  })
}
