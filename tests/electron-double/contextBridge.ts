/** How functions cross between the two worlds of a page. */
interface Handle { readonly $handle: 'function' | 'promise', readonly id: number }

/**
 * One end of Electron's contextBridge. The page's own world and the preload's isolated world share the document but no
 * object: what is exposed is copied, functions and promises are replaced by stand-ins that call across.
 *
 * Runs in the page as source text, once in each world, the page's own first; so it reaches for nothing outside itself.
 */
export function contextBridgeEnd(own: 'page' | 'preload', other: 'page' | 'preload') {
  const functions: ((...args: unknown[]) => unknown)[] = []
  const promises = new Map<number, { resolve(value: unknown): void, reject(error: Error): void }>()
  let lastPromise = 0

  const post = (kind: string, detail: unknown) => window.dispatchEvent(new CustomEvent(`double:${other}:${kind}`, { detail }))
  const receive = (kind: string, handle: (detail: never) => void) => {
    // Reading the detail in another world than the one that made it yields a structured clone.
    window.addEventListener(`double:${own}:${kind}`, (event) => { handle((event as CustomEvent).detail as never) })
  }
  const isPlain = (value: object) => Object.prototype.toString.call(value) === '[object Object]'

  function wrap(value: unknown): unknown {
    if (typeof value === 'function') return { $handle: 'function', id: functions.push(value as () => unknown) - 1 } satisfies Handle
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Promise) {
      const id = ++lastPromise
      value.then(
        (result) => post('settled', { id, result: wrap(result) }),
        (error: unknown) => post('settled', { id, error: error instanceof Error ? error.message : String(error) }),
      )
      return { $handle: 'promise', id } satisfies Handle
    }
    if (Array.isArray(value)) return value.map(wrap)
    return isPlain(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, wrap(item)])) : value
  }

  function unwrap(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(unwrap)
    if (!isPlain(value)) return value
    if ('$handle' in value) {
      const { $handle, id } = value as Handle
      if ($handle === 'function') return (...args: unknown[]) => call(id, args)
      return new Promise((resolve, reject) => { promises.set(id, { resolve, reject }) })
    }
    return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unwrap(item)])))
  }

  interface Reply { readonly result?: unknown, readonly error?: string }
  const replies: Reply[] = []

  /** Synchronous: dispatching an event runs the other world's listener, which dispatches the reply, before it returns. */
  function call(id: number, args: unknown[]): unknown {
    const before = replies.length
    post('call', { id, args: args.map(wrap) })
    if (replies.length !== before + 1) throw new Error('the other world did not answer')
    const reply = replies.pop()
    if (reply?.error !== undefined) throw new Error(reply.error)
    return unwrap(reply?.result)
  }

  receive('call', ({ id, args }: { id: number, args: unknown[] }) => {
    let reply: Reply
    try {
      reply = { result: wrap(functions[id](...args.map(unwrap))) }
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : String(error) }
    }
    post('reply', reply)
  })
  receive('reply', (reply: Reply) => { replies.push(reply) })
  receive('settled', ({ id, result, error }: { id: number, result?: unknown, error?: string }) => {
    const promise = promises.get(id)
    promises.delete(id)
    if (error === undefined) promise?.resolve(unwrap(result))
    else promise?.reject(new Error(error))
  })
  receive('expose', ({ key, api }: { key: string, api: unknown }) => {
    if (key in window) throw new Error(`Cannot bind an API on top of an existing property on the window object: ${key}`)
    Object.defineProperty(window, key, { value: unwrap(api), writable: false, configurable: false, enumerable: true })
  })

  return { exposeInMainWorld(key: string, api: unknown): void { post('expose', { key, api: wrap(api) }) } }
}
