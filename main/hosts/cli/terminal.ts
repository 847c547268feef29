/** Where a command writes. Results go to stdout and nothing else does. */
export interface Terminal {
  /** Writes a result; resolves when the system took it, and also when nobody reads any more. */
  out(text: string): Promise<void>
  /** Writes a message to stderr. */
  note(text: string): void
  /** Replaces the progress line, where stderr is a terminal; empty text removes it. */
  progress(text: string): void
}

const CLEAR_LINE = '\r\u001b[K'

/** The part of a terminal's stream that is used. */
export interface TextStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** A reader that went away (`ringscope … | head`) ends the writing, not the command. */
function ignoreClosedPipe(stream: TextStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

/** The process's own streams. */
export function processTerminal({ stdout, stderr }: { stdout: TextStream; stderr: TextStream } = process): Terminal {
  ignoreClosedPipe(stdout)
  ignoreClosedPipe(stderr)
  let shown = ''
  const clear = (): void => {
    if (shown !== '') stderr.write(CLEAR_LINE)
    shown = ''
  }
  return {
    out: (text) => new Promise((resolve) => {
      clear()
      stdout.write(text, () => { resolve() })
    }),
    note(text) {
      clear()
      stderr.write(`${text}\n`)
    },
    progress(text) {
      // One line only: a wrapped one could not be replaced.
      const line = text.slice(0, Math.max(0, (stderr.columns ?? 80) - 1))
      if (stderr.isTTY !== true || line === shown) return
      clear()
      shown = line
      stderr.write(line)
    },
  }
}
