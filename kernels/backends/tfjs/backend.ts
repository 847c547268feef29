import type { AttentionBackend, BackendSetup, BlockWork, GradientWork, QuerySide, SpanSink } from '../backend.ts'
import { type BackwardParts, BackwardPass } from './backwardPass.ts'
import { Device } from './device.ts'
import { ForwardKernel } from './forwardKernel.ts'
import { type ForwardParts, ForwardPass } from './forwardPass.ts'
import { GradientKernel } from './gradientKernel.ts'
import { MaskTensors } from './masks.ts'
import type { TfRuntime } from './tfcore.ts'
import { Tiling } from './tiling.ts'

/** The generic tfjs kernel as a backend: the passes that are under way, by query side. */
export class TfjsBackend implements AttentionBackend {
  readonly id
  readonly device
  readonly computes = true
  readonly #parts: Omit<ForwardParts & BackwardParts, 'kernel'>
  readonly #forwardKernel: ForwardKernel
  readonly #gradientKernel: GradientKernel
  readonly #forward = new Map<number, ForwardPass>()
  readonly #backward = new Map<number, BackwardPass>()

  constructor(runtime: TfRuntime, { shape, config }: BackendSetup) {
    const masks = new MaskTensors(runtime.tf)
    this.id = runtime.id
    this.device = runtime.device
    this.#parts = { device: new Device(runtime), tiling: new Tiling(runtime, shape, config.keyPadding !== null), masks }
    this.#forwardKernel = new ForwardKernel(runtime, masks)
    this.#gradientKernel = new GradientKernel(runtime, masks)
  }

  async begin(side: QuerySide, spans: SpanSink): Promise<void> {
    this.#forward.get(side.index)?.release()
    this.#forward.set(side.index, await ForwardPass.begin({ ...this.#parts, kernel: this.#forwardKernel }, side, spans))
  }

  attend(work: BlockWork, spans: SpanSink): Promise<void> {
    return underWay(this.#forward, work.side).attend(work, spans)
  }

  merge(side: QuerySide, partial: QuerySide, spans: SpanSink): Promise<void> {
    return underWay(this.#forward, side).merge(partial, spans)
  }

  async finish(side: QuerySide, spans: SpanSink): Promise<void> {
    await underWay(this.#forward, side).finish(spans)
    this.#forward.delete(side.index)
  }

  async beginBackward(side: QuerySide, spans: SpanSink): Promise<void> {
    this.#backward.get(side.index)?.release()
    this.#backward.set(side.index, await BackwardPass.begin({ ...this.#parts, kernel: this.#gradientKernel }, side, spans))
  }

  attendBackward(work: GradientWork, spans: SpanSink): Promise<void> {
    return underWay(this.#backward, work.side).attend(work, spans)
  }

  async finishBackward(side: QuerySide, spans: SpanSink): Promise<void> {
    await underWay(this.#backward, side).finish(spans)
    this.#backward.delete(side.index)
  }

  async dispose(): Promise<void> {
    for (const pass of [...this.#forward.values(), ...this.#backward.values()]) pass.release()
    this.#forward.clear()
    this.#backward.clear()
    this.#parts.masks.dispose()
  }
}

function underWay<T>(passes: ReadonlyMap<number, T>, { index }: QuerySide): T {
  const pass = passes.get(index)
  if (pass === undefined) throw new RangeError(`query side ${index} has no pass under way`)
  return pass
}
