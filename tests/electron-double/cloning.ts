/**
 * Values as Electron's structured clone passes them between processes and worlds, written as text: what can cross here
 * can cross there. Runs in Node and, as source text, in the page; so it reaches for nothing outside itself.
 */
export function cloning() {
  const views: Record<string, new (buffer: ArrayBuffer) => ArrayBufferView> = {
    Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array,
  }

  function toBase64(bytes: Uint8Array): string {
    let text = ''
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
    return btoa(text)
  }

  function pack(value: unknown): unknown {
    if (value === undefined) return { $: 'undefined' }
    if (typeof value === 'bigint') return { $: 'bigint', text: String(value) }
    if (typeof value === 'number' && !Number.isFinite(value)) return { $: 'number', text: String(value) }
    if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError('An object could not be cloned.')
    if (typeof value !== 'object' || value === null) return value
    if (ArrayBuffer.isView(value)) {
      const kind = Object.keys(views).find((name) => Object.prototype.toString.call(value) === `[object ${name}]`)
      if (kind === undefined) throw new TypeError('An object could not be cloned.')
      return { $: kind, text: toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) }
    }
    if (value instanceof ArrayBuffer) return { $: 'ArrayBuffer', text: toBase64(new Uint8Array(value)) }
    if (Array.isArray(value)) return value.map(pack)
    // Class instances lose their class; those that structured clone keeps (Map, Date, Error) are not needed yet.
    const tag = Object.prototype.toString.call(value)
    if (tag !== '[object Object]') throw new TypeError(`the Electron double does not clone ${tag}`)
    return { $: 'object', entries: Object.entries(value).map(([key, item]) => [key, pack(item)]) }
  }

  function unpack(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(unpack)
    const { $: kind, text = '', entries = [] } = value as { $: string, text?: string, entries?: [string, unknown][] }
    if (kind === 'undefined') return undefined
    if (kind === 'bigint') return BigInt(text)
    if (kind === 'number') return Number(text)
    if (kind === 'object') return Object.fromEntries(entries.map(([key, item]) => [key, unpack(item)]))
    const buffer = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer
    return kind === 'ArrayBuffer' ? buffer : new views[kind](buffer)
  }

  return {
    /** @throws TypeError for what structured clone refuses */
    write: (value: unknown): string => JSON.stringify(pack(value)),
    read: (text: string): unknown => unpack(JSON.parse(text)),
  }
}
