import { parentChannel } from './parentChannel.ts'
import { parseToRank, type FromRank, type ToRank } from './protocol.ts'
import { removeFolders } from '../transport/parentWatch.ts'
import { failureOf, RankSession } from './session.ts'

/** A rank's process: its main thread is the compute thread and owns the control channel. */

/** How often a rank says that it lives, while its event loop turns. */
const ALIVE_INTERVAL_MS = 500

const channel = parentChannel()
const send = (message: FromRank): void => channel.send(message)
let session: RankSession | null = null
let ownedFolders: readonly string[] = []
let failed = false

/** Only the first reason counts: what follows is its consequence. */
function fail(error: unknown): void {
  if (failed) return
  failed = true
  if (session === null) send(failureOf(error))
  else session.reportFailure(error)
}

function opened(): RankSession {
  if (session === null) throw new Error('the supervisor skipped "setup"')
  return session
}

async function handle(message: ToRank): Promise<void> {
  switch (message.type) {
    case 'setup':
      ownedFolders = message.ownedFolders
      session = await RankSession.open(message, { send, fail })
      break
    case 'connect':
      await opened().connect()
      break
    case 'clock-ping':
      opened().clockPing(message.id)
      break
    case 'prepare':
      await opened().prepare(message.iteration)
      break
    case 'iterate':
      await opened().iterate(message.iteration, message.startAtNs)
      break
    case 'verify':
      opened().verify()
      break
    case 'stop':
      // The other ranks close their ends as well: no failure any more.
      failed = true
      await opened().close()
      process.exit(0)
  }
}

channel.onMessage((message) => {
  try {
    handle(parseToRank(message)).catch(fail)
  } catch (error) {
    fail(error)
  }
})
channel.onClosed(() => {
  // The supervisor is gone: nobody else is left to clean up.
  removeFolders(ownedFolders)
  process.exit(1)
})
// Ctrl+C and a closed terminal reach every process in it; what they mean is the supervisor's to say.
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined)
setInterval(() => send({ type: 'alive' }), ALIVE_INTERVAL_MS).unref()
send({ type: 'hello' })
