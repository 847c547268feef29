import { readFile, rm, stat } from 'node:fs/promises'
import { slug } from '../config/slug.ts'
import { RequestError } from './errors.ts'
import type { Scratch } from './scratch.ts'
import type { TimelineStore } from './timelineStore.ts'

/** Name offered for a timeline's file. */
export const traceFileName = (title: string): string => `${slug(title)}.json.gz`

/** A file that was made to be sent. */
export interface ExportedFile {
  /** What it is to be called. */
  readonly fileName: string
  /** Where it lies. */
  readonly path: string
  readonly bytes: number
  /** When it has been sent. */
  remove(): Promise<void>
}

/** Makes the files that pages fetch: on disk first, so that a large one is never whole in memory. */
export class Exports {
  readonly #timelines: TimelineStore
  readonly #scratch: Scratch

  constructor(timelines: TimelineStore, scratch: Scratch) {
    this.#timelines = timelines
    this.#scratch = scratch
  }

  /** @throws NotFoundError, or what goes wrong in writing. */
  async file(timelineId: string, { gzip }: { readonly gzip: boolean }): Promise<ExportedFile> {
    const { timeline, owner } = this.#timelines.get(timelineId)
    const named = traceFileName(timeline.title)
    const fileName = gzip ? named : named.replace(/\.gz$/, '')
    const path = `${this.#scratch.place()}${gzip ? '.json.gz' : '.json'}`
    await owner.write(path)
    return { fileName, path, bytes: (await stat(path)).size, remove: () => rm(path, { force: true }) }
  }

  /**
   * The whole file at once.
   * @param options.limit bytes that an answer may have.
   * @throws RequestError where it is longer.
   */
  async bytes(timelineId: string, options: { readonly gzip: boolean; readonly limit: number }): Promise<{ fileName: string; bytes: Uint8Array }> {
    const { fileName, path, bytes, remove } = await this.file(timelineId, options)
    try {
      if (bytes > options.limit) {
        throw new RequestError('invalid-input', `the trace's file has ${Math.ceil(bytes / 2 ** 20)} MiB, more than an answer carries: get it as a download`)
      }
      return { fileName, bytes: new Uint8Array(await readFile(path)) }
    } finally {
      await remove()
    }
  }
}
