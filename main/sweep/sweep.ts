import type { AnySweepReport } from '../../preload/contract/sweep.ts'
import { checkRingAsk, RingSweep } from './ringSweep.ts'
import { SweepControl } from './sweepControl.ts'
import type { ProgressListener, SweepAsk, SweepHandle, SweepOptions } from './sweepHandle.ts'
import { checkTileAsk, TileSweep } from './tileSweep.ts'

export type { SweepAsk, SweepHandle, SweepOptions } from './sweepHandle.ts'

class RunningSweep implements SweepHandle {
  readonly finished: Promise<AnySweepReport>
  readonly #control = new SweepControl()
  readonly #listeners = new Set<ProgressListener>()

  constructor(ask: SweepAsk, options: SweepOptions) {
    const tell: ProgressListener = (progress) => {
      for (const listener of this.#listeners) listener(progress)
    }
    // Its first progress comes when whoever started it had time to listen.
    this.finished = Promise.resolve().then((): Promise<AnySweepReport> => (ask.kind === 'tile'
      ? new TileSweep(ask, options, this.#control, tell).run()
      : new RingSweep(ask, options, this.#control, tell).run()))
    // Whoever waits sees the rejection; a handle nobody waits for must not end the process.
    this.finished.catch(() => undefined)
  }

  get cancelled(): boolean {
    return this.#control.cancelled
  }

  onProgress(listener: ProgressListener): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  pause(): void {
    this.#control.pause()
  }

  resume(): void {
    this.#control.resume()
  }

  cancel(): void {
    this.#control.cancel()
  }
}

/**
 * Starts a sweep. Of tiles: every tile of a grid on one rank's share, in a process of its own (kernels/sweep), for every combination
 * of further axes; nothing travels. Of rings: whole real runs, for every combination of axes.
 * @throws InvalidInputError at once, for axes or a grid that are none, a combination that makes no config, a backend without arithmetic.
 */
export function startSweep(ask: SweepAsk, options: SweepOptions): SweepHandle {
  if (ask.kind === 'tile') checkTileAsk(ask)
  else checkRingAsk(ask)
  return new RunningSweep(ask, options)
}
