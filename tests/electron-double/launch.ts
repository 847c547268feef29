/**
 * node launch.ts <main module> <app folder> [arguments...]
 *
 * Runs a built main module with the double in place of the module `electron`, as `electron <app folder> [arguments...]`
 * would. Speaks to its parent over the channel of a forked process.
 */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

const double = new URL('./electron.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, next) => (specifier === 'electron' ? { url: double, shortCircuit: true } : next(specifier, context)),
})

const [main, folder, ...args] = process.argv.slice(2)
process.argv = ['electron', folder, ...args]

// After the hooks are in place.
const { becomeReady } = await import('./app.ts')
const { commands } = await import('./commands.ts')

process.on('message', (message: { id: number, command: keyof typeof commands, args: never[] }) => {
  const { id, command, args: given } = message
  const answer = async (): Promise<unknown> => await (commands[command] as (...values: never[]) => unknown)(...given)
  answer().then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.message : String(error) }),
  )
})
process.on('disconnect', () => process.exit(1))

await import(pathToFileURL(main).href)
becomeReady()
