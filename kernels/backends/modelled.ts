import type { AttentionBackend, BackendSetup, BlockWork, SpanSink } from './backend.ts'
import { waitUntil } from '../timeline/preciseWait.ts'
import { BackendUnavailableError } from './backend.ts'

/**
 * Waits flops / rate instead of computing; everything else about the run is real. What one wait overshoots (a process
 * that the system wakes late) is taken off the next of the same pass, so that a pass lasts as long as its work says.
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

  async begin(): Promise<void> {
    this.#overshootNs = 0
  }

  async attend(work: BlockWork, spans: SpanSink): Promise<void> {
    const startNs = spans.now()
    const dueNs = Math.max(0, work.flops * this.#nsPerFlop - this.#overshootNs)
    await waitUntil(() => spans.now(), startNs + dueNs)
    const endNs = spans.now()
    // A wait shorter than the overshoot it had to make up for leaves the rest of it to the next.
    this.#overshootNs += endNs - startNs - work.flops * this.#nsPerFlop
    spans.record('compute', startNs, endNs, { flops: work.flops })
  }

  async finish(): Promise<void> { /* nothing was computed */ }

  async dispose(): Promise<void> { /* holds nothing */ }
}

/** @throws BackendUnavailableError when the config names no rate. */
export function createModelledBackend(setup: BackendSetup): ModelledBackend {
  const { model } = setup.config
  if (model === null) throw new BackendUnavailableError('modelled', 'the config has no model: set {"gflops": number}')
  return new ModelledBackend(model.gflops)
}
