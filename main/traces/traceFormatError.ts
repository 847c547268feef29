/** A file that cannot be read as a trace: what is wrong with it, where, what was expected and what to do. */
export class TraceFormatError extends Error {
  override readonly name = 'TraceFormatError'
  readonly path: string
  /** Byte offset in the (decompressed) text; null where the file as a whole is meant. */
  readonly offset: number | null

  constructor(path: string, facts: { what: string; expected: string; remedy: string; offset?: number }, options?: ErrorOptions) {
    const where = facts.offset === undefined ? '' : ` at byte ${facts.offset}`
    super(`${path}: ${facts.what}${where}. Expected ${facts.expected}. ${facts.remedy}.`, options)
    this.path = path
    this.offset = facts.offset ?? null
  }
}

export const EXPECTED_TRACE = 'Chrome Trace Event JSON: an array of events, or an object with "traceEvents"'
