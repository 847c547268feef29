import type { IncomingMessage, ServerResponse } from 'node:http'
import { encode } from '../../../preload/contract/codec.ts'
import type { ErrorCode, Result } from '../../../preload/contract/envelope.ts'
import type { RouteOutputs } from '../../../preload/contract/routes.ts'
import { LARGEST_UPLOAD_BYTES } from '../../../preload/contract/wire.ts'
import type { Router } from '../../app/router.ts'

const FROM_PAGE = { trusted: false }
const STATUS: Partial<Record<ErrorCode, number>> = { 'not-found': 404, 'invalid-input': 400 }

/** Answers with an encoded Result. */
export function answer(response: ServerResponse, status: number, result: Result<unknown>): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(encode(result))
}

/** Null where it is longer than the limit. Throws where the page went away before its end. */
async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

/** POST /upload?name=: opens the trace in the body. */
export async function receiveUpload(
  router: Router, request: IncomingMessage, response: ServerResponse, name: string | null, limit = LARGEST_UPLOAD_BYTES,
): Promise<void> {
  const announced = Number(request.headers['content-length'] ?? 0)
  let bytes: Uint8Array | null
  try {
    bytes = announced > limit ? null : await readBody(request, limit)
  } catch (error) {
    // Nobody is left to answer, and nothing of ours went wrong.
    if (!request.complete) return
    throw error
  }
  if (bytes === null) {
    const mib = limit / 2 ** 20
    response.setHeader('Connection', 'close')
    answer(response, 413, {
      ok: false,
      error: { code: 'invalid-input', message: `the file is larger than ${mib} MiB: "ringscope analyze" reads files of any size from the disk` },
    })
    return
  }
  answer(response, 200, await router.handle('trace.openBytes', { name, bytes }, FROM_PAGE))
}

/** @returns the text itself where it is not percent-encoded properly: it then names nothing. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** GET /download/<timelineId>.json.gz: the trace as a file. */
export async function sendDownload(router: Router, response: ServerResponse, escapedId: string): Promise<void> {
  const timelineId = unescaped(escapedId)
  // The router answers every route with its own output type.
  const result = await router.handle('trace.export', { timelineId, gzip: true }, FROM_PAGE) as Result<RouteOutputs['trace.export']>
  if (!result.ok) {
    answer(response, STATUS[result.error.code] ?? 500, result)
    return
  }
  const { fileName, bytes } = result.data
  response.writeHead(200, {
    'Content-Type': 'application/gzip',
    'Content-Disposition': `attachment; filename="${fileName}"`,
    'Content-Length': bytes.byteLength,
    'Cache-Control': 'no-store',
  }).end(bytes)
}
