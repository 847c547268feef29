import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { z } from 'zod'
import { rooflineSchema } from '../../kernels/rates/protocol.ts'
import type { MachineRates } from '../../preload/contract/rates.ts'
import { defaultUserConfigDir } from '../config/configStore.ts'

const positive = z.number().positive()
const atLeast0 = z.number().nonnegative()
const size = z.int().min(1)
const transport = z.enum(['socket', 'shared-memory'])

const attention = z.strictObject({
  backend: z.string(), headDim: size, heads: size, kvHeads: size, blockQ: size, blockK: size, processes: size,
  forwardGflops: positive, backwardGflops: positive.nullable(), blockOverheadUs: atLeast0, rowNs: atLeast0,
  tile: z.strictObject({ blockQ: size, blockK: size }).nullable(), fitError: atLeast0,
})

const link = { transport, bandwidthGBps: positive, latencyUs: atLeast0, fitError: atLeast0 }

const machineRates: z.ZodType<MachineRates> = z.strictObject({
  machineKey: z.string(), measuredAt: z.iso.datetime(), roofline: rooflineSchema,
  attention: z.array(attention), transports: z.array(z.strictObject(link)),
  rings: z.array(z.strictObject({
    ...link, backend: z.string(), world: size,
    stepUs: atLeast0, startUs: atLeast0, startRowNs: atLeast0, finishRowNs: atLeast0, rendezvousUs: atLeast0, linkBound: z.boolean(),
    jitter: z.strictObject({ compute: atLeast0, step: atLeast0, start: atLeast0, rendezvous: atLeast0 }),
  })),
})

/** What is known of a machine. */
export interface StoredRates {
  /** Null where nothing usable is stored. */
  readonly rates: MachineRates | null
  /** Why a file that is there is not used; null where there is nothing to say. */
  readonly note: string | null
}

/** The user's folder, beside their configs. */
export const defaultRatesFile = (env: NodeJS.ProcessEnv = process.env): string => join(dirname(defaultUserConfigDir(env)), 'rates.json')

/** Keeps what was measured of this machine in one file. */
export class RatesStore {
  readonly path: string

  constructor(path: string = defaultRatesFile()) {
    this.path = path
  }

  /** What is stored of the machine with this key. A damaged file counts as none, and the note says so. */
  async read(key: string): Promise<StoredRates> {
    let text: string
    try {
      text = await readFile(this.path, 'utf8')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return { rates: null, note: code === 'ENOENT' ? null : `${this.path} cannot be read (${code ?? String(error)}): measured again` }
    }
    const rates = parseRates(text)
    if (rates === null) return { rates: null, note: `${this.path} is damaged: measured again` }
    if (rates.machineKey !== key) return { rates: null, note: 'the machine, Node or the kernels are others than when it was measured: measured again' }
    return { rates, note: null }
  }

  /** Whole or not at all. @throws the system's error when the folder cannot be written */
  async write(rates: MachineRates): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true })
    await writeFileAtomic(this.path, `${JSON.stringify(rates, null, 2)}\n`)
  }
}

function parseRates(text: string): MachineRates | null {
  try {
    return machineRates.parse(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null
    throw error
  }
}
