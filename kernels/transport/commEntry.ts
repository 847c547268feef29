import { parentPort, workerData } from 'node:worker_threads'
import type { CommSetup, ToComm } from './commMessages.ts'
import { CommThread } from './commThread.ts'
import { endWithParent } from './parentWatch.ts'

if (parentPort === null) throw new Error('this is the communication thread of a rank, started by its compute thread')
const port = parentPort
const setup = workerData as CommSetup
endWithParent(setup.parentPid, setup.ownedFolders)
const comm = new CommThread(setup, (message) => port.postMessage(message))

async function handle(message: ToComm): Promise<void> {
  switch (message.type) {
    case 'connect':
      await comm.connect()
      break
    case 'publish':
      comm.publish()
      break
    case 'post':
      comm.post(message.orders)
      break
    case 'close':
      comm.close()
      port.close()
      break
  }
}

port.on('message', (message: ToComm) => {
  handle(message).catch((error: unknown) => comm.fail(error))
})
comm.listen().catch((error: unknown) => comm.fail(error))
