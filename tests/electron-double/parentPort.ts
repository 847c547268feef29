/** Preloaded in a child of the double: gives it the channel of a utility process in place of that of a forked Node. */
import { EventEmitter } from 'node:events'
import { isMainThread } from 'node:worker_threads'

class ParentPortDouble extends EventEmitter implements Pick<Electron.ParentPort, 'postMessage' | 'on' | 'once'> {
  readonly #send: (message: unknown) => void

  constructor(send: (message: unknown) => void) {
    super()
    this.#send = send
  }

  postMessage(message: unknown): void { this.#send(message) }
}

function giveParentPort(): void {
  const send = process.send?.bind(process)
  if (send === undefined) throw new Error('this belongs into a child of the Electron double')
  const parentPort = new ParentPortDouble((message) => { send(message) })
  // Electron holds messages back until somebody listens.
  const listening = (name: string): void => {
    if (name !== 'message') return
    parentPort.off('newListener', listening)
    queueMicrotask(() => process.on('message', (data) => parentPort.emit('message', { data, ports: [] })))
  }
  parentPort.on('newListener', listening)
  // Electron's port closes with the other end, and Chromium ends the process soon after.
  process.once('disconnect', () => {
    parentPort.emit('close')
    setTimeout(() => process.exit(1), 1000).unref()
  })
  Object.defineProperty(process, 'parentPort', { value: parentPort })
  Object.defineProperty(process, 'send', { value: undefined })
}

// A thread of the child inherits its preloads, but has no channel of its own in either world.
if (isMainThread) giveParentPort()
