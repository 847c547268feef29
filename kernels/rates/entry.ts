/**
 * Entry of the process that measures what this machine can do: one request comes in, one answer goes out. Its parent ends it; it
 * ends by itself when that goes.
 */
import { parentChannel } from '../rank/parentChannel.ts'
import { ratesRequest, type RatesMessage } from './protocol.ts'
import { measureRoofline } from './roofline.ts'

const channel = parentChannel()

async function answerOf(message: unknown): Promise<RatesMessage> {
  try {
    return { kind: 'roofline', roofline: await measureRoofline(ratesRequest.parse(message)) }
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

channel.onMessage((message) => { void answerOf(message).then((answer) => { channel.send(answer) }) })
channel.onClosed(() => { process.exit() })
