/** The rank's side of its control channel, whatever kind of child process it is. */
export interface ParentChannel {
  send(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /** The other end is gone. */
  onClosed(listener: () => void): void
}

/** What Electron gives a utility process, as far as it is used here. */
interface ElectronParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): void
  on(event: 'close', listener: () => void): void
}

/**
 * The channel to the process that started this one: `process.parentPort` in an Electron utility process, Node's own
 * channel in a forked one. @throws Error when this process was not started as a child.
 */
export function parentChannel(): ParentChannel {
  const port = (process as unknown as { readonly parentPort?: ElectronParentPort }).parentPort
  if (port !== undefined) {
    return {
      send: (message) => port.postMessage(message),
      onMessage: (listener) => port.on('message', (event) => listener(event.data)),
      onClosed: (listener) => port.on('close', listener),
    }
  }
  if (process.send === undefined) throw new Error('a rank is started by Ringscope, not by hand: it has no control channel')
  return {
    // The callback keeps a send into a channel that has just closed from raising; `onClosed` reports it.
    send: (message) => process.send?.(message, undefined, undefined, () => undefined),
    onMessage: (listener) => process.on('message', listener),
    onClosed: (listener) => process.on('disconnect', listener),
  }
}
