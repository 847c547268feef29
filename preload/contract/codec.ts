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

/** By `instanceof`, so that a Buffer counts as the Uint8Array it is. */
function kindOf(view: ArrayBufferView): Kind {
  const kind = (Object.keys(KINDS) as Kind[]).find((name) => view instanceof KINDS[name])
  if (kind === undefined) throw new TypeError(`cannot encode ${Object.prototype.toString.call(view)}`)
  return kind
}

/** @throws TypeError for a view the contract does not use. */
export function encode(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key: string, item: unknown): unknown {
    // Looked up again, since `item` has been through toJSON, which a Buffer has.
    const original = this[key]
    if (!ArrayBuffer.isView(original)) return item
    const bytes = new Uint8Array(original.buffer, original.byteOffset, original.byteLength)
    return { [KEY]: [kindOf(original), toBase64(bytes)] }
  })
}

function typedArray(content: unknown): TypedArray {
  const [kind, data] = Array.isArray(content) ? content as unknown[] : []
  if (typeof kind !== 'string' || typeof data !== 'string' || !Object.hasOwn(KINDS, kind)) {
    throw new SyntaxError(`malformed typed array: ${JSON.stringify(content)?.slice(0, 80)}`)
  }
  const View = KINDS[kind as Kind] as new (buffer: ArrayBuffer) => TypedArray
  try {
    return new View(fromBase64(data).buffer)
  } catch (cause) {
    // Either not base64, or not a whole number of elements.
    throw new SyntaxError(`malformed typed array: ${kind}`, { cause })
  }
}

/** @throws SyntaxError on text that {@link encode} cannot have written. */
export function decode(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown): unknown =>
    typeof item === 'object' && item !== null && Object.hasOwn(item, KEY)
      ? typedArray((item as Record<string, unknown>)[KEY])
      : item)
}
