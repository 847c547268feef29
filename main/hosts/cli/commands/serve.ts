import open from 'open'
import { traceFiles } from '../../../traces/open/traceFiles.ts'
import { PageMissingError, serveWeb } from '../../web/serve.ts'
import { onAbort } from '../cancellation.ts'
import { writeResult, type CliContext } from '../context.ts'
import { reasonOf, UsageError } from '../errors.ts'

export interface ServeOptions {
  readonly port: number
  readonly open: boolean
  readonly json: boolean
}

async function openInBrowser(url: string, context: CliContext): Promise<void> {
  const complain = (error: unknown): void => {
    context.terminal.note(`no browser could be opened (${reasonOf(error)}); open the address yourself`)
  }
  try {
    const launcher = await open(url)
    launcher.on('error', complain)
  } catch (error) {
    complain(error)
  }
}

export async function serve(traces: readonly string[], options: ServeOptions, context: CliContext): Promise<void> {
  const host = await serveWeb({ installation: context.installation, port: options.port, open: traceFiles(traces) })
    .catch((error: unknown) => { throw error instanceof PageMissingError ? new UsageError(error.message) : error })
  for (const { path, message } of host.refused) context.terminal.note(message.includes(path) ? message : `${path}: ${message}`)
  try {
    await writeResult(context, options.json, { url: host.url }, () => `${host.url}\n`)
    if (options.open) await openInBrowser(host.url, context)
    await new Promise<void>((resolve) => { onAbort(context.cancel, resolve) })
  } finally {
    await host.close()
  }
}
