/**
 * Entry of the process that measures a sweep: like a rank, but alone. Requests are answered one at a time, in order. Its parent
 * ends it; it ends by itself when that goes.
 */
import { parentChannel } from '../rank/parentChannel.ts'
import { MeasuringSession } from './measure.ts'
import { sweepRequest, type SweepMessage } from './protocol.ts'

const channel = parentChannel()
let session: MeasuringSession | null = null
let answered = Promise.resolve()

function prepared(): MeasuringSession {
  if (session === null) throw new RangeError('a cell was asked for before the sweep was prepared')
  return session
}

async function answerOf(message: unknown): Promise<SweepMessage> {
  try {
    const request = sweepRequest.parse(message)
    switch (request.kind) {
      case 'prepare':
        session = await MeasuringSession.prepare(request)
        return { kind: 'ready', device: session.device, flops: [...session.flops], probeNs: [...session.probeNs] }
      case 'check':
        return { kind: 'checked', cell: request.cell, ...await prepared().check(request.cell) }
      case 'measure':
        return { kind: 'measured', cell: request.cell, durationNs: await prepared().measure(request.cell) }
    }
  } catch (error) {
    return error instanceof Error
      ? { kind: 'failed', error: error.name, message: error.message }
      : { kind: 'failed', error: 'unknown', message: String(error) }
  }
}

channel.onMessage((message) => {
  answered = answered.then(async () => { channel.send(await answerOf(message)) })
})
channel.onClosed(() => { process.exit() })
