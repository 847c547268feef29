/**
 * Entry of the process that measures a sweep: like a rank, but alone. One request comes in, measurements go out; it ends
 * when it is done, when it fails, and when its parent goes.
 */
import { measureTiles } from './measure.ts'
import { sweepRequest, type SweepMessage } from './protocol.ts'

/** The parent, in a utility process of Electron; in a forked Node it is `process` itself. */
interface ParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { data: unknown }) => void): void
}

const { parentPort } = process as { parentPort?: ParentPort }

function send(message: SweepMessage): void {
  if (parentPort === undefined) process.send?.(message)
  else parentPort.postMessage(message)
}

/** Waits until what was sent has left, then ends. */
function end(last: SweepMessage): void {
  if (parentPort === undefined) {
    process.send?.(last, undefined, undefined, () => { process.exit() })
  } else {
    parentPort.postMessage(last)
    setTimeout(() => { process.exit() }, 1000)
  }
}

async function serve(message: unknown): Promise<void> {
  let last: SweepMessage = { kind: 'done' }
  try {
    await measureTiles(sweepRequest.parse(message), (said) => { if (said.kind !== 'done') send(said) })
  } catch (error) {
    last = error instanceof Error
      ? { kind: 'failed', error: error.name, message: error.message }
      : { kind: 'failed', error: 'unknown', message: String(error) }
  }
  end(last)
}

if (parentPort === undefined) {
  process.once('message', (message) => { void serve(message) })
  process.once('disconnect', () => { process.exit() })
} else {
  let started = false
  parentPort.on('message', ({ data }) => {
    if (started) return
    started = true
    void serve(data)
  })
}
