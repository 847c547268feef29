import { cleanEnvironment, root, temporaryFolder } from './paths.ts'
import { startProgram, type Program } from './program.ts'

export const PAGE_ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/\S*/

export interface WebHostUnderTest {
  readonly url: string
  readonly program: Program
}

/** Starts the built web host as `ringscope serve` does. @param traces files to open at once */
export async function startWebHost(traces: readonly string[] = []): Promise<WebHostUnderTest> {
  const program = startProgram(process.execPath, ['out/main/cli.js', 'serve', '--port', '0', ...traces], {
    cwd: root, env: cleanEnvironment(temporaryFolder()),
  })
  const [url] = await program.waitFor(PAGE_ADDRESS)
  return { url, program }
}
