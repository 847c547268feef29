import { OutputError } from './errors.ts'

/** Where a command writes. Results go to stdout and nothing else does. */
export interface Terminal {
  /** Whether whoever reads stderr sees stdout too. */
  readonly showsResults: boolean
  /**
   * Writes a result; resolves when the system took it, and also when nobody reads any more.
   * @throws OutputError when it cannot be written, for instance to a full disk.
   */
  out(text: string | Uint8Array): Promise<void>
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

/** Without a listener a stream's error ends the process; each write's own callback says what became of it. */
const hearErrors = (stream: TextStream): void => { stream.on('error', () => undefined) }

/** A reader that went away (`ringscope … | head`) ends the writing, not the command. */
const isClosedPipe = (error: NodeJS.ErrnoException): boolean => error.code === 'EPIPE'

/** The process's own streams. */
export function processTerminal({ stdout, stderr }: { stdout: TextStream; stderr: TextStream } = process): Terminal {
  hearErrors(stdout)
  hearErrors(stderr)
  let shown = ''
  const clear = (): void => {
    if (shown !== '') stderr.write(CLEAR_LINE)
    shown = ''
  }
  return {
    showsResults: stdout.isTTY === true,
    out: (text) => new Promise((resolve, reject) => {
      clear()
      stdout.write(text, (error) => {
        if (error == null || isClosedPipe(error)) resolve()
        else reject(new OutputError(`the result could not be written to stdout: ${error.message}`, { cause: error }))
      })
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
