import { findInstallation } from '../../installation.ts'
import { cancelOnSignals } from './cancellation.ts'
import { EXIT } from './exitCodes.ts'
import { runCommandLine } from './program.ts'
import { processTerminal } from './terminal.ts'

const terminal = processTerminal()
const exitCode = await runCommandLine(process.argv.slice(2), {
  installation: findInstallation(), terminal, cancel: cancelOnSignals(terminal), exitCode: EXIT.done,
})
// Whatever was to be written has been; a handle that is still open must not keep the shell waiting.
process.exit(exitCode)
