import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findInstallation } from '../../installation.ts'

type Address = number

/** What main/traces/assembly/trace.ts exports. Addresses are unsigned, but come as signed numbers from 2 GiB on. */
export interface TraceModule {
  readonly memory: WebAssembly.Memory
  /** Memory of that many bytes that is never given back. */
  take(bytes: number): Address
  /** @returns the first address that was not read, see rowCount, endedAfterComma, endedAfterEvent */
  scan(at: Address, end: Address, firstRow: number, base: number): Address
  rowCount(): number
  endedAfterComma(): number
  endedAfterEvent(): number
  columnsAt(): Address
  intern(at: Address, length: number): number
  textAt(id: number): Address
  textLength(id: number): number
  /** @returns the template; the digits are written */
  keepArgs(at: Address, end: Address, unsure: boolean): number
  templateCount(): number
  templateAt(template: number): Address
  digitsTo(at: Address): void
  digitsEnd(): Address
  setArgsOrigin(origin: number): void
}

const EXPORT_NAMES: readonly (keyof TraceModule)[] = [
  'memory', 'take', 'scan', 'rowCount', 'endedAfterComma', 'endedAfterEvent', 'columnsAt', 'intern', 'textAt', 'textLength',
  'keepArgs', 'templateCount', 'templateAt', 'digitsTo', 'digitsEnd', 'setArgsOrigin',
]

/** Events in a batch, as in assembly/columns.ts. */
export const BATCH_EVENTS = 4096

/** The compiled scanner is missing or was built from other sources. */
export class TraceModuleError extends Error {
  override readonly name = 'TraceModuleError'
}

let compiled: Promise<WebAssembly.Module> | null = null

async function compile(file: string): Promise<WebAssembly.Module> {
  try {
    return new WebAssembly.Module(new Uint8Array(await readFile(file)))
  } catch (cause) {
    throw new TraceModuleError(`cannot load the compiled trace scanner ${file}; "npm run build" makes it`, { cause })
  }
}

/**
 * A new instance, with tables of its own.
 * @param meaning the number of what a text with escapes means, which lies at an address
 * @throws TraceModuleError
 */
export async function loadTraceModule(meaning: (at: Address, length: number) => number): Promise<TraceModule> {
  const file = join(findInstallation().kernelsDir, 'trace.wasm')
  compiled ??= compile(file)
  const { exports } = new WebAssembly.Instance(await compiled, { host: { meaning } })
  const missing = EXPORT_NAMES.filter((name) => exports[name] === undefined)
  if (missing.length > 0) {
    throw new TraceModuleError(`${file} does not export ${missing.join(', ')}: it was built from other sources, build the kernels again`)
  }
  return exports as unknown as TraceModule
}
