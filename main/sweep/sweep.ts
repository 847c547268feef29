import { resolveBackend } from '../../kernels/backends/create.ts'
import { toleranceOf } from '../../kernels/backends/tolerance.ts'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { rankShape } from '../../kernels/rank/schedule.ts'
import { sweepMessage, type SweepMessage, type SweepRequest, type Tile } from '../../kernels/sweep/protocol.ts'
import type { SweepProgress, SweepReport } from '../../preload/contract/sweep.ts'
import type { RankHost, RankProcess } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { backendProbers } from '../machine/backendProbers.ts'
import { readCacheSizes } from '../machine/caches.ts'
import { SweepCancelledError, SweepFailedError } from './errors.ts'
import { checkGrid, tilesOf, type SweepGrid } from './grid.ts'
import { cellOf, sweepReport, type SweepFacts, type TileMeasurements } from './report.ts'

export type { SweepGrid } from './grid.ts'

const LONGEST_STDERR = 2000

export interface SweepOptions {
  readonly installation: Installation
  readonly rankHost: RankHost
}

type ProgressListener = (progress: Omit<SweepProgress, 'sweepId'>) => void

/** A sweep that goes on. */
export interface SweepHandle {
  /** Called after every measurement. @returns a function that ends the subscription. */
  onProgress(listener: ProgressListener): () => void
  /** Ends the measuring process at once; `finished` then rejects with SweepCancelledError. Harmless afterwards. */
  cancel(): void
  /**
   * @throws SweepCancelledError, SweepFailedError (the process crashed or could not go on), BackendUnavailableError.
   */
  readonly finished: Promise<SweepReport>
}

/**
 * Measures every tile of a grid on one rank's share, in a process of its own (kernels/sweep).
 * @throws InvalidInputError at once, for a grid that is none or a backend without arithmetic.
 */
export function startSweep(config: RunConfig, grid: SweepGrid, options: SweepOptions): SweepHandle {
  checkGrid(grid)
  if (config.backend === 'modelled') {
    throw new InvalidInputError('the config of the sweep', [{
      path: 'backend', expected: 'a backend that computes', given: '"modelled"',
      hint: 'a modelled backend waits the same for every tile: sweep with "auto" or "wasm"',
    }])
  }
  return new Sweep(config, grid, options)
}

function environment({ config, backend }: SweepFacts): Record<string, string> {
  if (backend !== 'tensorflow') return {}
  const device: Record<string, string> = config.devices === 'auto' ? {} : { CUDA_VISIBLE_DEVICES: String(config.devices[0]) }
  return { TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_CPP_MIN_LOG_LEVEL: '2', ...device }
}

class Sweep implements SweepHandle {
  readonly finished: Promise<SweepReport>
  readonly #options: SweepOptions
  readonly #listeners = new Set<ProgressListener>()
  #cancelled = false
  /** Set while the child measures. */
  #abort: ((reason: Error) => void) | null = null

  constructor(config: RunConfig, grid: SweepGrid, options: SweepOptions) {
    this.#options = options
    this.finished = this.#run(config, grid)
    // Whoever waits sees the rejection; a handle nobody waits for must not end the process.
    this.finished.catch(() => undefined)
  }

  onProgress(listener: ProgressListener): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  cancel(): void {
    this.#cancelled = true
    this.#abort?.(new SweepCancelledError())
  }

  async #run(config: RunConfig, grid: SweepGrid): Promise<SweepReport> {
    const { installation, rankHost } = this.#options
    const [backend, machine] = await Promise.all([
      resolveBackend(config.backend, backendProbers(installation, rankHost)), readCacheSizes(),
    ])
    if (this.#cancelled) throw new SweepCancelledError()
    if (backend.id === 'modelled') throw new RangeError('a modelled backend was resolved for a sweep')
    const shape = rankShape(config)
    const { tiles, warnings } = tilesOf(grid, shape.tokens)
    return this.#measure(tiles, {
      config, backend: backend.id, machine, repeats: grid.repeats, shape,
      // One block on one rank: nothing travels, and nothing is rounded to travel.
      tolerance: toleranceOf(backend.id, 'float32').output,
      warnings: [...backend.warnings, ...warnings],
    })
  }

  async #measure(tiles: readonly Tile[], facts: SweepFacts): Promise<SweepReport> {
    const child = this.#options.rankHost.spawn(this.#options.installation.sweepEntry, {
      label: 'sweep', env: environment(facts),
    })
    const gone = new Promise<void>((resolve) => { child.onExit(() => { resolve() }) })
    const measurements = tiles.map((tile): TileMeasurements => ({ tile, maxAbsError: null, durationsNs: [] }))
    try {
      const { flops, device } = await this.#collect(child, facts, measurements)
      return sweepReport(measurements, flops, device, facts)
    } finally {
      // Not before its process is gone is a sweep over: what comes next has the machine to itself.
      child.kill('SIGKILL')
      await gone
    }
  }

  /** Sends the request and gathers what comes back, until the child is done. */
  #collect(child: RankProcess, facts: SweepFacts, measurements: readonly TileMeasurements[]): Promise<{ flops: number; device: string }> {
    let ready = { flops: 0, device: '' }
    let lastTile: Tile | null = null
    let stderr = ''
    return new Promise((resolve, reject) => {
      this.#abort = reject
      child.onStderr((text) => { stderr = (stderr + text).slice(-LONGEST_STDERR) })
      child.onExit(({ code, signal }) => {
        const how = signal === null ? `ended with code ${code ?? 'unknown'}` : `was ended by ${signal}`
        const said = stderr.trim()
        reject(new SweepFailedError(`the measuring process ${how}${said === '' ? '' : `; it said: ${said}`}`, lastTile))
      })
      child.onMessage((raw) => {
        const parsed = sweepMessage.safeParse(raw)
        if (!parsed.success) {
          reject(new SweepFailedError('the measuring process sent something else than a measurement', lastTile))
          return
        }
        const message: SweepMessage = parsed.data
        switch (message.kind) {
          case 'ready':
            ready = { flops: message.flops, device: message.device }
            return
          case 'checked':
          case 'measured': {
            const measured = measurements.at(message.tile)
            if (measured === undefined) {
              reject(new SweepFailedError(`the measuring process measured tile ${message.tile} of ${measurements.length}`, lastTile))
              return
            }
            lastTile = measured.tile
            if (message.kind === 'checked') measured.maxAbsError = message.maxAbsError
            else measured.durationsNs.push(message.durationNs)
            this.#tell(measurements, ready.flops, facts)
            return
          }
          case 'done':
            resolve(ready)
            return
          case 'failed':
            reject(new SweepFailedError(message.message, lastTile))
        }
      })
      child.send({
        kind: 'start', config: facts.config, backend: facts.backend, kernelsDir: this.#options.installation.kernelsDir,
        tiles: measurements.map(({ tile }) => tile), repeats: facts.repeats,
      } satisfies SweepRequest)
    })
  }

  #tell(measurements: readonly TileMeasurements[], flops: number, facts: SweepFacts): void {
    if (this.#listeners.size === 0) return
    const done = measurements.reduce((sum, { maxAbsError, durationsNs }) => sum + durationsNs.length + (maxAbsError === null ? 0 : 1), 0)
    const cells = measurements.flatMap((measured) => cellOf(measured, flops, facts) ?? [])
    const progress = { done, total: measurements.length * (facts.repeats + 1), cells }
    for (const listener of this.#listeners) listener(progress)
  }
}
