import { type RawData, type WebSocket } from 'ws'
import { z } from 'zod'
import { decode, encode } from '../../../preload/contract/codec.ts'
import { CLOSE_MALFORMED, type EventFrame, type RequestFrame, type ResponseFrame } from '../../../preload/contract/wire.ts'
import type { App } from '../../app/app.ts'
import { bridgeError } from '../../app/errors.ts'
import type { Log } from '../../app/log.ts'

const requestFrameSchema = z.object({ id: z.int(), route: z.string(), input: z.unknown() })

/** Null where it is none of the protocol's. */
function requestFrame(data: RawData, isBinary: boolean): RequestFrame | null {
  if (isBinary) return null
  try {
    return requestFrameSchema.parse(decode(data.toString()))
  } catch {
    return null
  }
}

/** Never throws: an answer that cannot be written down becomes an error that can. */
function responseText(response: ResponseFrame, log: Log): string {
  try {
    return encode(response)
  } catch (error) {
    const failed: ResponseFrame = { id: response.id, result: { ok: false, error: bridgeError(error, 'encoding an answer', log) } }
    return encode(failed)
  }
}

/** Answers one page's requests and tells it every event, until its socket closes. */
export function serveSocket(socket: WebSocket, app: App, log: Log): void {
  const send = (text: string): void => {
    if (socket.readyState === socket.OPEN) socket.send(text)
  }
  const sendEvent = (frame: EventFrame): void => { send(encode(frame)) }

  const stop = app.events.onAny(sendEvent)
  socket.on('close', stop)
  // A broken connection or an oversized frame; `close` follows, and there is nobody left to tell.
  socket.on('error', () => undefined)
  socket.on('message', (data, isBinary) => {
    const frame = requestFrame(data, isBinary)
    if (frame === null) {
      socket.close(CLOSE_MALFORMED, 'not a request frame')
      return
    }
    void app.router.handle(frame.route, frame.input, { trusted: false })
      .then((result) => { send(responseText({ id: frame.id, result }, log)) })
  })
  app.currentEvents().forEach(sendEvent)
}
