import type { AttentionBackend, BackendSetup, BlockWork, QuerySide, SpanSink } from './backend.ts'
import { waitUntil } from '../timeline/preciseWait.ts'
import { BackendUnavailableError } from './backend.ts'

/**
 * Waits flops / rate instead of computing, in both passes; everything else about the run is real. What one wait overshoots
 * (a process that the system wakes late) is taken off the next of the same pass, so that a pass lasts as long as its work
 * says.
 */
export class ModelledBackend implements AttentionBackend {
  readonly id = 'modelled'
  readonly device: string
  readonly computes = false
  readonly #nsPerFlop: number
  #overshootNs = 0

  /** @param gflops the rate of each rank in GFLOP/s. */
  constructor(gflops: number) {
    this.device = `modelled, ${gflops} GFLOP/s a rank`
    this.#nsPerFlop = 1 / gflops
  }

  async begin({ index }: QuerySide): Promise<void> {
    // Other sides' passes lie within that of the rank's own queries.
    if (index === 0) this.#overshootNs = 0
  }

  async attend({ flops }: BlockWork, spans: SpanSink): Promise<void> {
    await this.#wait(flops, spans)
  }

  async merge(): Promise<void> { /* nothing was computed */ }

  async finish(): Promise<void> { /* nothing was computed */ }

  async beginBackward(side: QuerySide): Promise<void> {
    await this.begin(side)
  }

  async attendBackward({ flops }: BlockWork, spans: SpanSink): Promise<void> {
    await this.#wait(flops, spans)
  }

  async finishBackward(): Promise<void> { /* nothing was computed */ }

  async dispose(): Promise<void> { /* holds nothing */ }

  async #wait(flops: number, spans: SpanSink): Promise<void> {
    const startNs = spans.now()
    const dueNs = Math.max(0, flops * this.#nsPerFlop - this.#overshootNs)
    await waitUntil(() => spans.now(), startNs + dueNs)
    const endNs = spans.now()
    // A wait shorter than the overshoot it had to make up for leaves the rest of it to the next.
    this.#overshootNs += endNs - startNs - flops * this.#nsPerFlop
    spans.record('compute', startNs, endNs, { flops })
  }
}

/** @throws BackendUnavailableError when the config names no rate. */
export function createModelledBackend(setup: BackendSetup): ModelledBackend {
  const { model } = setup.config
  if (model === null) throw new BackendUnavailableError('modelled', 'the config has no model: set {"gflops": number}')
  return new ModelledBackend(model.gflops)
}
