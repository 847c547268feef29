import { inspect } from 'node:util'

/** Where faults of our own are written, whole: they cross to the page as a message only. */
export type Log = (message: string, error: unknown) => void

export const logToStderr: Log = (message, error) => {
  process.stderr.write(`ringscope: ${message}: ${inspect(error)}\n`)
}
