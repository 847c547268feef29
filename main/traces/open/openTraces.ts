import { stat } from 'node:fs/promises'
import { createClassifier } from '../../classify/classifier.ts'
import type { ClassificationRules } from '../../classify/rules.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { alignRanks } from '../ranks/alignRanks.ts'
import { ArgTables } from '../events/argTables.ts'
import { assembleTrace, type SessionTables } from '../events/assembleTrace.ts'
import { ClassTable } from '../events/classTable.ts'
import { closeSpans } from '../events/closeSpans.ts'
import { FileImport } from '../events/fileImport.ts'
import { claimOf, type FileTracks, readTracks } from '../lanes/fileTracks.ts'
import { takeColumns } from '../events/groupColumns.ts'
import { restoreOwnTrace } from '../save/ownTrace.ts'
import { type ClaimingFile, groupRuns, type PlacedFile } from '../ranks/ranks.ts'
import { readError, refuseForeign } from './refusals.ts'
import { restoreImported } from '../save/restoreImported.ts'
import { createScanSession, type ScanSession } from '../scan/scanSession.ts'
import { TraceScanner } from '../scan/traceScanner.ts'
import { chunksOfBytes, chunksOfFile, type Reading, textOf } from './storedBytes.ts'
import { TraceFormatError } from '../traceFormatError.ts'

/** How far an opening is. */
export interface OpenProgress {
  /** In words: "reading rank-3.json.gz", "matching ranks". */
  readonly doing: string
  /** Of the files as they are stored, all together. */
  readonly bytesRead: number
  readonly totalBytes: number
  readonly events: number
}

export interface OpenOptions {
  /** The user's classification, which goes before ours. */
  readonly rules?: ClassificationRules | null
  /** Told after every piece of about a megabyte, and before every longer step. */
  readonly onProgress?: (progress: OpenProgress) => void
  /** Told of a file that is no trace: it is left out. Without this the opening rejects at the first such file. */
  readonly onRefused?: (error: TraceFormatError) => void
  /** Aborted, the opening rejects with the signal's reason at the next piece or step. */
  readonly signal?: AbortSignal
}

/** A file to be opened. */
interface Source {
  readonly path: string
  readonly size: number
  chunks(reading: Reading): AsyncGenerator<Uint8Array>
}

/** Reads the files of one opening into columns. */
class Opening {
  readonly #session: ScanSession
  readonly #options: OpenOptions
  readonly #classes: ClassTable
  readonly #totalBytes: number
  #bytesRead = 0
  #events = 0

  constructor(session: ScanSession, options: OpenOptions, totalBytes: number) {
    this.#session = session
    this.#options = options
    this.#totalBytes = totalBytes
    this.#classes = new ClassTable(createClassifier(options.rules ?? null), (id) => session.text(id))
  }

  #report(doing: string): void {
    this.#options.signal?.throwIfAborted()
    this.#options.onProgress?.({ doing, bytesRead: this.#bytesRead, totalBytes: this.#totalBytes, events: this.#events })
  }

  async read({ path, chunks }: Source): Promise<FileImport> {
    const file = new FileImport(path, this.#classes)
    const scanner = new TraceScanner(path, file, this.#session)
    const before = this.#events
    const doing = `reading ${path.replace(/^.*[\\/]/, '')}`
    this.#report(doing)
    const onRead = (bytes: number): void => { this.#bytesRead += bytes }
    let offset = 0
    try {
      for await (const chunk of textOf(path, chunks, onRead, file.repairs, file.dropped)) {
        scanner.push(chunk)
        offset += chunk.byteLength
        this.#events = before + file.events
        this.#report(doing)
      }
    } catch (cause) {
      throw readError(path, offset, cause)
    }
    scanner.end()
    this.#events = before + file.events
    refuseForeign(file, scanner.sawEvents)
    return file
  }

  /** Makes timelines of what was read. */
  assemble(files: readonly FileImport[]): Timeline[] {
    this.#report('matching events')
    const text = (id: number): string => this.#session.text(id)
    const written = { templates: this.#session.templates, digits: this.#session.takeDigits() }
    const tables = new ArgTables(written.templates, written.digits)
    const tracksOf = new Map(files.map((file) => [file, readTracks(file, text, written)]))
    const tracks = (file: FileImport): FileTracks => tracksOf.get(file) ?? readTracks(file, text, written)

    const foreign = files.filter(({ facts }) => facts.own === null)
    const runs = groupRuns(foreign.map((file) => ({ path: file.path, claim: claimOf(file, tracks(file)), world: file.facts.world, file })))
    const groups = [
      ...files.flatMap((file) => (file.facts.own === null ? [] : [{ files: [file], own: file.facts.own }])),
      ...runs.map((run) => ({ files: run.map(({ file: { file } }) => file), run })),
    ].toSorted((a, b) => files.indexOf(a.files[0]) - files.indexOf(b.files[0]))
    // Everything that adds to the args comes before anything that reads them.
    const taken = groups.map((group) => {
      const { columns, parts } = takeColumns(group.files, text)
      for (const part of parts) closeSpans(columns, part, tables)
      return { ...group, columns, parts }
    })
    const session: SessionTables = {
      text, templates: tables.templates, digits: tables.digits(), classes: this.#classes, rulesFrom: this.#options.rules?.path ?? null,
    }
    return taken.map(({ columns, parts, ...group }) => {
      this.#report('placing spans on lanes')
      if ('own' in group) {
        const [part] = parts
        const restore = group.own.trace === undefined ? restoreOwnTrace : restoreImported
        return restore(columns, part, group.own, tracks(part.file), session)
      }
      const assembled = assembleTrace(columns, parts.map((part, at) => ({ part, tracks: tracks(part.file), claim: claimIn(group.run, at) })), session)
      if (parts.length > 1) this.#report('matching ranks')
      return alignRanks(assembled)
    })
  }
}

interface ReadFile extends ClaimingFile {
  readonly file: FileImport
}

/** A file alone whose rank nothing says has one only where it has device work: host traces have many processes. */
function claimIn(run: readonly PlacedFile<ReadFile>[], at: number) {
  const { claim, file: { file } } = run[at]
  return claim.rankFrom === 'order' && run.length === 1 && !file.hasDeviceWork() ? null : claim
}

async function open(paths: readonly (string | Source)[], options: OpenOptions): Promise<Timeline[]> {
  let refused: TraceFormatError | null = null
  /** What `read` gives; nothing for a file that is left out. */
  const leavingOut = async <T>(read: () => Promise<T>): Promise<T[]> => {
    try {
      return [await read()]
    } catch (error) {
      if (!(error instanceof TraceFormatError) || options.onRefused === undefined) throw error
      refused = error
      options.onRefused(error)
      return []
    }
  }
  const sources: Source[] = []
  for (const path of paths) sources.push(...await leavingOut(() => (typeof path === 'string' ? sourceOf(path) : Promise.resolve(path))))
  const opening = new Opening(await createScanSession(), options, sources.reduce((sum, { size }) => sum + size, 0))
  const files: FileImport[] = []
  for (const source of sources) files.push(...await leavingOut(() => opening.read(source)))
  // The last refusal stands for all where nothing is left.
  if (files.length === 0 && refused !== null) throw refused as TraceFormatError
  return opening.assemble(files)
}

async function sourceOf(path: string): Promise<Source> {
  try {
    const { size } = await stat(path)
    return { path, size, chunks: (reading) => chunksOfFile(path, reading) }
  } catch (cause) {
    throw readError(path, 0, cause)
  }
}

/**
 * Opens Chrome Trace JSON files, plain or gzip, of any size: ours (each restored exactly, a timeline of its own) or any
 * other tool's. Files that are ranks of one run become one timeline, on one clock; see groupRuns for which are.
 * What is mended or left out is counted in each timeline's `files`.
 * @throws TraceFormatError for anything that is no trace, saying what is wrong, where and what to do; the signal's reason
 *   when it is aborted.
 */
export async function openTraces(paths: readonly string[], options: OpenOptions = {}): Promise<Timeline[]> {
  return open(paths, options)
}

/** As {@link openTraces}, for one file. */
export async function openTrace(path: string, options: OpenOptions = {}): Promise<Timeline> {
  const [timeline] = await openTraces([path], options)
  return timeline
}

/** As {@link openTrace}, for bytes that came without a path. @param name what the file is called. */
export async function openTraceBytes(name: string, bytes: Uint8Array, options: OpenOptions = {}): Promise<Timeline> {
  const [timeline] = await open([{ path: name, size: bytes.length, chunks: (reading) => chunksOfBytes(bytes, reading) }], options)
  return timeline
}
