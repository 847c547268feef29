import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { encode } from '../../../preload/contract/codec.ts'
import type { ErrorCode, Result } from '../../../preload/contract/envelope.ts'
import { bridgeError } from '../../app/errors.ts'
import type { ExportedFile, Exports } from '../../app/exports.ts'
import type { Log } from '../../app/log.ts'
import { type Uploads, UploadTooLargeError } from '../../app/uploads.ts'

const STATUS: Partial<Record<ErrorCode, number>> = { 'not-found': 404, 'invalid-input': 400 }

/** Answers with an encoded Result. */
export function answer(response: ServerResponse, status: number, result: Result<unknown>): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(encode(result))
}

/** POST /upload?name=: takes the body in as a file that can be opened. @param limit bytes of a file. */
export async function receiveUpload(
  uploads: Uploads, request: IncomingMessage, response: ServerResponse, name: string | null, limit?: number,
): Promise<void> {
  if (name === null || name === '') {
    const problem = { path: 'name', expected: 'the file\'s name', given: name === null ? 'nothing' : '""' }
    response.setHeader('Connection', 'close')
    answer(response, 400, { ok: false, error: { code: 'invalid-input', message: 'the upload has no name', problems: [problem] } })
    return
  }
  try {
    // The answer goes out also where the rest of the body is not wanted.
    const pieces = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>
    const uploaded = await uploads.receive(name, pieces, { limit, announced: Number(request.headers['content-length'] ?? 0) })
    answer(response, 200, { ok: true, data: uploaded })
  } catch (error) {
    if (error instanceof UploadTooLargeError) {
      response.setHeader('Connection', 'close')
      answer(response, 413, { ok: false, error: { code: error.code, message: error.message } })
      return
    }
    // The page went away: nobody is left to answer, and nothing of ours went wrong.
    if (request.destroyed && !request.complete) return
    throw error
  }
}

/** @returns the text itself where it is not percent-encoded properly: it then names nothing. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function exported(exports: Exports, log: Log, timelineId: string): Promise<Result<ExportedFile>> {
  try {
    return { ok: true, data: await exports.file(timelineId, { gzip: true }) }
  } catch (error) {
    return { ok: false, error: bridgeError(error, 'making the file to download', log) }
  }
}

/** GET /download/<timelineId>.json.gz: the trace as a file. */
export async function sendDownload(exports: Exports, log: Log, response: ServerResponse, escapedId: string): Promise<void> {
  const result = await exported(exports, log, unescaped(escapedId))
  if (!result.ok) {
    answer(response, STATUS[result.error.code] ?? 500, result)
    return
  }
  const { fileName, path, bytes, remove } = result.data
  response.writeHead(200, {
    'Content-Type': 'application/gzip',
    'Content-Disposition': `attachment; filename="${fileName}"`,
    'Content-Length': bytes,
    'Cache-Control': 'no-store',
  })
  try {
    await pipeline(createReadStream(path), response)
  } catch (error) {
    // A page that no longer wants the file is no fault.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error
  } finally {
    await remove()
  }
}
