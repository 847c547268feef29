import { decode } from '../../preload/contract/codec.ts'
import type { Result } from '../../preload/contract/envelope.ts'
import type { TraceProgress } from '../../preload/contract/events.ts'
import { UPLOAD_PATH, type UploadedFile } from '../../preload/contract/wire.ts'

/** Uploads to the loopback host, with their progress. */
export interface FileUploads {
  /** Sends files one after the other. @returns the ids of the uploads, in the order of the files */
  send(files: readonly File[], openId: string): Promise<Result<readonly string[]>>
  /** Ends the uploads of an opening. @returns false when none are under way */
  stop(openId: string): boolean
}

const CANCELLED = { ok: false, error: { code: 'cancelled', message: 'The opening was cancelled.' } } as const

/** By XMLHttpRequest: `fetch` says nothing of how much of a body has been sent. */
function upload(file: File, token: string, signal: AbortSignal, onSent: (bytes: number) => void): Promise<Result<UploadedFile>> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest()
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.upload.onprogress = ({ loaded }) => onSent(loaded)
    request.onabort = () => resolve(CANCELLED)
    request.onerror = () => resolve({
      ok: false, error: { code: 'internal', message: `${file.name} could not be sent to the host: the connection broke.` },
    })
    request.onload = () => {
      try {
        resolve(decode(request.responseText) as Result<UploadedFile>)
      } catch (error) {
        resolve({ ok: false, error: { code: 'internal', message: `The host's answer to ${file.name} (status ${request.status}) cannot be read: ${String(error)}` } })
      }
    }
    request.open('POST', `${UPLOAD_PATH}?name=${encodeURIComponent(file.name)}`)
    request.setRequestHeader('Authorization', `Bearer ${token}`)
    request.send(file)
  })
}

/** @param onProgress hears of bytes sent, as the host's own `trace.progress` has it for bytes read */
export function fileUploads(token: string, onProgress: (progress: TraceProgress) => void): FileUploads {
  const underWay = new Map<string, AbortController>()

  async function send(files: readonly File[], openId: string): Promise<Result<readonly string[]>> {
    const abort = new AbortController()
    underWay.set(openId, abort)
    const totalBytes = files.reduce((sum, { size }) => sum + size, 0)
    const uploadIds: string[] = []
    let before = 0
    try {
      for (const file of files) {
        if (abort.signal.aborted) return CANCELLED
        const told = (sent: number): void => onProgress({ openId, doing: `sending ${file.name}`, bytesRead: before + sent, totalBytes, events: 0 })
        told(0)
        const answer = await upload(file, token, abort.signal, told)
        if (!answer.ok) return answer
        uploadIds.push(answer.data.uploadId)
        before += file.size
      }
      return { ok: true, data: uploadIds }
    } finally {
      underWay.delete(openId)
    }
  }

  return {
    send,
    stop(openId) {
      underWay.get(openId)?.abort()
      return underWay.has(openId)
    },
  }
}
