import { InvalidLseError } from '../../attention/merge.ts'
import type { BlockWork, QuerySide, SpanSink } from '../backend.ts'
import { bytesOf, type Device, valuesOf } from './device.ts'
import type { ForwardKernel, PartialTensors } from './forwardKernel.ts'
import type { MaskTensors } from './masks.ts'
import { unpackRows } from './pack.ts'
import type { Tensor3D } from './tfcore.ts'
import { masksOf, type Tiling } from './tiling.ts'

export interface ForwardParts {
  readonly device: Device
  readonly tiling: Tiling
  readonly masks: MaskTensors
  readonly kernel: ForwardKernel
}

/** A forward pass over one query side: its queries and accumulators on the device. */
export class ForwardPass {
  readonly #parts: ForwardParts
  readonly #side: QuerySide
  /** One entry a slice group, then one a block of query rows. */
  readonly #queries: readonly (readonly Tensor3D[])[]
  readonly #accumulators: (PartialTensors | undefined)[][]
  /** 1 for each row of the side that has attended to a key, or joined a result that has. */
  readonly #hasKeys: Uint8Array

  private constructor(parts: ForwardParts, side: QuerySide) {
    const { groups, queryBlocks } = parts.tiling
    this.#parts = parts
    this.#side = side
    this.#queries = groups.map((group) => queryBlocks.map((rows) => group.forwardQuery(side, rows)))
    this.#accumulators = groups.map(() => queryBlocks.map(() => undefined))
    this.#hasKeys = new Uint8Array(side.lse.length)
  }

  static async begin(parts: ForwardParts, side: QuerySide, spans: SpanSink): Promise<ForwardPass> {
    const startNs = spans.now()
    const pass = new ForwardPass(parts, side)
    const queries = pass.#queries.flat()
    await parts.device.uploaded(queries)
    spans.record('h2d', startNs, spans.now(), { bytes: bytesOf(queries) })
    return pass
  }

  async attend({ slot, ranges, flops }: BlockWork, spans: SpanSink): Promise<void> {
    const { device, tiling, masks, kernel } = this.#parts
    const plans = tiling.plan(ranges)
    if (plans.every(({ tiles }) => tiles.length === 0)) return
    this.#noteKeys(ranges)

    const startNs = spans.now()
    const newMasks = masks.prepare(masksOf(plans), false)
    const keys = tiling.takeKeys(plans, (group, rows, attended) => group.forwardKeys(slot, rows, attended))
    const taken = keys.flatMap((ofGroup) => [...ofGroup.values()].flatMap(({ k, v }) => [k, v]))
    const bytes = bytesOf([...newMasks, ...taken])
    await device.uploaded([...newMasks, ...taken])
    const takenNs = spans.now()
    spans.record('h2d', startNs, takenNs, { bytes })

    const cpuNs = device.startCpu()
    const results = plans.map(({ tiles: plan }, group) => plan.map(({ queryBlock, tiles }) =>
      ({ queryBlock, partial: kernel.attend(this.#queries[group][queryBlock], tiles, keys[group]) })))
    device.runtime.tf.dispose(taken)
    await device.computed(results.flat().at(-1)?.partial.out)
    const computedNs = spans.now()
    spans.record('compute', takenNs, computedNs, { flops, cpuNs: cpuNs() })

    let last: PartialTensors | undefined
    results.forEach((ofGroup, group) => {
      for (const { queryBlock, partial } of ofGroup) last = this.#accumulate(group, queryBlock, partial) ?? last
    })
    if (last === undefined) return
    await device.computed(last.out)
    spans.record('merge', computedNs, spans.now())
  }

  #noteKeys(ranges: BlockWork['ranges']): void {
    const rowsOfMask = this.#hasKeys.length / ranges.length
    ranges.forEach(({ from, to }, mask) => {
      for (let at = 0; at < rowsOfMask; at++) {
        const row = at % from.length
        if (to[row] > from[row]) this.#hasKeys[mask * rowsOfMask + at] = 1
      }
    })
  }

  /** @throws InvalidLseError for a partial result whose log-sum-exp is +Infinity or NaN. */
  async merge(partial: QuerySide, spans: SpanSink): Promise<void> {
    const { device, tiling: { groups, queryBlocks } } = this.#parts
    partial.lse.forEach((lse, row) => {
      if (!(lse < Infinity)) throw new InvalidLseError(lse, row)
      if (lse !== -Infinity) this.#hasKeys[row] = 1
    })
    const startNs = spans.now()
    const partials = groups.map((group) => queryBlocks.map((rows) => group.partial(partial, rows)))
    const taken = partials.flat().flatMap(({ out, lse }) => [out, lse])
    await device.uploaded(taken)
    const takenNs = spans.now()
    spans.record('h2d', startNs, takenNs, { bytes: bytesOf(taken) })
    partials.forEach((ofGroup, group) => {
      ofGroup.forEach((block, queryBlock) => { this.#accumulate(group, queryBlock, block) })
    })
    await device.computed(this.#accumulators.at(-1)?.at(-1)?.out)
    spans.record('merge', takenNs, spans.now())
  }

  /** @returns the new sum where there was something to join with. */
  #accumulate(group: number, queryBlock: number, partial: PartialTensors): PartialTensors | undefined {
    const sum = this.#accumulators[group][queryBlock]
    const joined = sum === undefined ? partial : this.#parts.kernel.join(sum, partial)
    this.#accumulators[group][queryBlock] = joined
    return sum === undefined ? undefined : joined
  }

  /** Writes the side's `out` and `lse`. */
  async finish(spans: SpanSink): Promise<void> {
    const { groups, queryBlocks } = this.#parts.tiling
    const { out, lse } = this.#side
    const startNs = spans.now()
    out.fill(0)
    lse.fill(-Infinity)
    for (const [at, group] of groups.entries()) {
      for (const [block, rows] of queryBlocks.entries()) {
        const accumulator = this.#accumulators[at][block]
        if (accumulator === undefined) continue
        unpackRows(await valuesOf(accumulator.out), out, group.queries(), rows)
        unpackRows(await valuesOf(accumulator.lse), lse, group.queries(1), rows)
      }
    }
    this.#clearRowsWithoutKeys()
    this.release()
    spans.record('d2h', startNs, spans.now(), { bytes: out.byteLength + lse.byteLength })
  }

  release(): void {
    this.#parts.device.runtime.tf.dispose(this.#queries.flat())
    this.#parts.kernel.release(this.#accumulators.flat().filter((partial) => partial !== undefined))
  }

  /** By the masks, not by the results: NaN in a row that has keys is a fault, and must be seen. */
  #clearRowsWithoutKeys(): void {
    const { out, lse } = this.#side
    const headDim = out.length / lse.length
    for (let row = 0; row < lse.length; row++) {
      if (this.#hasKeys[row] === 1) continue
      lse[row] = -Infinity
      out.fill(0, row * headDim, (row + 1) * headDim)
    }
  }
}
