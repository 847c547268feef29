import { ratesMessage, type RatesRequest } from '../../kernels/rates/protocol.ts'
import type { Roofline } from '../../preload/contract/rates.ts'
import { readCacheSizes } from '../machine/caches.ts'
import type { RatesEngine } from './calibrate.ts'
import { CalibrationCancelledError, CalibrationFailedError } from './errors.ts'

const TIMEOUT_MS = 60_000
const LONGEST_STDERR = 2000

/**
 * What one core can do at most, measured in a process of its own.
 * @throws CalibrationFailedError with the reason; CalibrationCancelledError
 */
export async function measureRoofline({ installation, rankHost }: RatesEngine, signal?: AbortSignal): Promise<Roofline> {
  const caches = await readCacheSizes()
  if (signal?.aborted === true) throw new CalibrationCancelledError('cancelled')
  const child = rankHost.spawn(installation.ratesEntry, { label: 'roofline' })
  const gone = new Promise<void>((resolve) => { child.onExit(() => { resolve() }) })
  let timer: NodeJS.Timeout | undefined
  let cancel = (): void => undefined
  try {
    return await new Promise<Roofline>((resolve, reject) => {
      cancel = (): void => { reject(new CalibrationCancelledError('cancelled')) }
      signal?.addEventListener('abort', cancel)
      timer = setTimeout(() => { reject(new CalibrationFailedError(`the roofline was not measured within ${TIMEOUT_MS / 1000} s`)) }, TIMEOUT_MS)
      let stderr = ''
      child.onStderr((text) => { stderr = (stderr + text).slice(-LONGEST_STDERR) })
      child.onExit(({ code, signal: by }) => {
        reject(new CalibrationFailedError(`the process that measures the roofline ended (${by ?? code ?? 'unknown'}) ${stderr.trim()}`.trim()))
      })
      child.onMessage((message) => {
        const parsed = ratesMessage.safeParse(message)
        if (!parsed.success) reject(new CalibrationFailedError('the process that measures the roofline sent something else than an answer'))
        else if (parsed.data.kind === 'failed') reject(new CalibrationFailedError(parsed.data.message))
        else resolve(parsed.data.roofline)
      })
      child.send({ kind: 'roofline', kernelsDir: installation.kernelsDir, caches: { ...caches } } satisfies RatesRequest)
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    // Not before its process is gone has the next measurement the machine to itself.
    child.kill('SIGKILL')
    await gone
  }
}
