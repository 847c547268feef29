import type { Installation } from '../../installation.ts'
import type { ExitCode } from './exitCodes.ts'
import type { Terminal } from './terminal.ts'

/** What every command gets. */
export interface CliContext {
  readonly installation: Installation
  readonly terminal: Terminal
  /** Aborts when the user wants to stop. */
  readonly cancel: AbortSignal
  /** Set by the command that ran. */
  exitCode: ExitCode
}

/** Writes a command's result: one JSON document, or the text for people. */
export async function writeResult(context: CliContext, json: boolean, value: unknown, text: () => string): Promise<void> {
  await context.terminal.out(json ? `${JSON.stringify(value, null, 2)}\n` : text())
}
