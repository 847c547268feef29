import type { Result } from './envelope.ts'
import type { BridgeEvents, EventName } from './events.ts'

/**
 * How the page and the web host speak. One origin, `http://127.0.0.1:<port>`, serves the page and its data.
 *
 * Token. The host prints `http://127.0.0.1:<port>/#token=<43 base64url characters>`. A fragment never leaves the
 * browser, so the token is in no request line, no Referer and no log. On start the page takes it from
 * `location.hash`, keeps it in `sessionStorage` under {@link TOKEN_STORAGE_KEY}, and removes it from the address bar
 * with `history.replaceState`; a reload reads it from `sessionStorage`. Without one the page says that it must be
 * opened by the printed address. Static files need no token, everything below does.
 *
 * Socket. `new WebSocket('ws://' + location.host + SOCKET_PATH, [SOCKET_PROTOCOL, TOKEN_PROTOCOL_PREFIX + token])`.
 * Every message is one text frame, written by `encode` and read by `decode` of codec.ts: the page sends
 * {@link RequestFrame}s, the host answers each with one {@link ResponseFrame} (in any order) and sends
 * {@link EventFrame}s unasked, from the first moment. The upgrade is refused with 401 (token) or 403 (Host, Origin),
 * which a browser shows as a close with code 1006; after a host restart the token is another one and every attempt
 * ends so. A frame that cannot be decoded closes the socket with {@link CLOSE_MALFORMED}.
 *
 * Upload. `POST UPLOAD_PATH + '?name=' + encodeURIComponent(file.name)` with the file as body and the header
 * `Authorization: Bearer <token>`. The answer is an encoded `Result<UploadedFile>`, whatever the status. The host keeps the
 * file on its disk until `trace.openUploads` has read it, or the page is gone.
 *
 * Download. `GET downloadPath(timelineId)` with the same header: the gzipped trace, its name in Content-Disposition.
 * On a status other than 200 the body is an encoded failed `Result`. (The header cannot be set on a plain link:
 * fetch it, and hand the blob to an `<a download>`.)
 */
export const SOCKET_PATH = '/socket'
export const SOCKET_PROTOCOL = 'ringscope.v1'
export const TOKEN_PROTOCOL_PREFIX = 'token.'
export const TOKEN_STORAGE_KEY = 'ringscope-token'
export const UPLOAD_PATH = '/upload'
export const DOWNLOAD_PREFIX = '/download/'
export const DOWNLOAD_SUFFIX = '.json.gz'

export const LARGEST_FRAME_BYTES = 64 * 1024 * 1024
export const LARGEST_UPLOAD_BYTES = 64 * 1024 * 1024 * 1024

/** What an upload answers. */
export interface UploadedFile {
  readonly uploadId: string
}
export const CLOSE_MALFORMED = 4400

export const downloadPath = (timelineId: string): string =>
  `${DOWNLOAD_PREFIX}${encodeURIComponent(timelineId)}${DOWNLOAD_SUFFIX}`

export interface RequestFrame {
  /** Chosen by the page; unique among its requests under way. */
  readonly id: number
  readonly route: string
  readonly input: unknown
}

export interface ResponseFrame {
  readonly id: number
  readonly result: Result<unknown>
}

export type EventFrame = { readonly [E in EventName]: { readonly event: E; readonly payload: BridgeEvents[E] } }[EventName]

export type HostFrame = ResponseFrame | EventFrame
