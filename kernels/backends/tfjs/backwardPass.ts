import type { GradientWork, QuerySide, SpanSink } from '../backend.ts'
import { writeDelta } from '../delta.ts'
import { bytesOf, type Device, valuesOf } from './device.ts'
import type { GradientKernel, KeyGradients, KeyOperands, QueryOperands } from './gradientKernel.ts'
import type { MaskTensors } from './masks.ts'
import { addColumns, addRows } from './pack.ts'
import type { Tensor, Tensor3D } from './tfcore.ts'
import { byKeyBlock, type KeyBlockTiles } from './tiles.ts'
import { masksOf, type Tiling } from './tiling.ts'

export interface BackwardParts {
  readonly device: Device
  readonly tiling: Tiling
  readonly masks: MaskTensors
  readonly kernel: GradientKernel
}

const queryTensors = ({ q, dOut, lse, delta }: QueryOperands): Tensor[] =>
  [q.rows, dOut.rows, lse, delta, ...[q.columns, dOut.columns].filter((columns) => columns !== null)]

const keyTensors = ({ k, v }: KeyOperands): Tensor[] => (k.columns === null ? [k.rows, v] : [k.rows, k.columns, v])

/** A backward pass over one query side: what its rows bring along, and the sum of their gradients, on the device. */
export class BackwardPass {
  readonly #parts: BackwardParts
  readonly #side: QuerySide
  /** One entry a slice group, then one a block of query rows. */
  readonly #queries: readonly (readonly QueryOperands[])[]
  readonly #dq: (Tensor3D | undefined)[][]

  private constructor(parts: BackwardParts, side: QuerySide) {
    const { groups, queryBlocks } = parts.tiling
    this.#parts = parts
    this.#side = side
    this.#queries = groups.map((group) => queryBlocks.map((rows) => group.backwardQuery(side, rows)))
    this.#dq = groups.map(() => queryBlocks.map(() => undefined))
  }

  /** Clears the side's `dq`; for side 0 writes its `delta`, others' came with the queries. */
  static async begin(parts: BackwardParts, side: QuerySide, spans: SpanSink): Promise<BackwardPass> {
    const startNs = spans.now()
    side.dq.fill(0)
    if (side.index === 0) writeDelta(side)
    const preparedNs = spans.now()
    spans.record('merge', startNs, preparedNs)
    const pass = new BackwardPass(parts, side)
    const taken = pass.#queries.flat().flatMap(queryTensors)
    await parts.device.uploaded(taken)
    spans.record('h2d', preparedNs, spans.now(), { bytes: bytesOf(taken) })
    return pass
  }

  async attend({ slot, ranges, flops, gradient, fresh }: GradientWork, spans: SpanSink): Promise<void> {
    const { device, tiling, masks } = this.#parts
    if (fresh) {
      gradient.dk.fill(0)
      gradient.dv.fill(0)
    }
    const plans = tiling.plan(ranges)
    if (plans.every(({ tiles }) => tiles.length === 0)) return

    const startNs = spans.now()
    const newMasks = masks.prepare(masksOf(plans), true)
    const keys = tiling.takeKeys(plans, (group, rows, attended) => group.backwardKeys(slot, rows, attended))
    const taken = keys.flatMap((ofGroup) => [...ofGroup.values()].flatMap(keyTensors))
    const bytes = bytesOf([...newMasks, ...taken])
    await device.uploaded([...newMasks, ...taken])
    const takenNs = spans.now()
    spans.record('h2d', startNs, takenNs, { bytes })

    const cpuNs = device.startCpu()
    const results = plans.map(({ tiles }, group) =>
      byKeyBlock(tiles).map((ofKeys) => ({ keyBlock: ofKeys.keyBlock, gradients: this.#gradients(group, ofKeys, keys[group]) })))
    device.runtime.tf.dispose(taken)
    await device.computed(results.flat().at(-1)?.gradients.dk)
    const computedNs = spans.now()
    spans.record('compute', takenNs, computedNs, { flops, cpuNs: cpuNs() })

    const given = results.flat().flatMap(({ gradients: { dk, dv } }) => [dk, dv])
    for (const [at, group] of tiling.groups.entries()) {
      for (const { keyBlock, gradients: { dk, dv } } of results[at]) {
        const rows = tiling.keyBlocks[keyBlock]
        addRows(await valuesOf(dk), gradient.dk, group.keys(), rows)
        addRows(await valuesOf(dv), gradient.dv, group.keys(), rows)
      }
    }
    const givenBytes = bytesOf(given)
    device.runtime.tf.dispose(given)
    spans.record('d2h', computedNs, spans.now(), { bytes: givenBytes })
  }

  /** The gradients of a block of key rows; those of the query rows are added to the pass's. */
  #gradients(group: number, { keyBlock, tiles }: KeyBlockTiles, keys: ReadonlyMap<number, KeyOperands>): KeyGradients {
    const { kernel } = this.#parts
    const block = keys.get(keyBlock)
    if (block === undefined) throw new RangeError(`key block ${keyBlock} was not taken in`)
    let sum: KeyGradients | undefined
    for (const { queryBlock, mask } of tiles) {
      const { dq, dk, dv } = kernel.tile(this.#queries[group][queryBlock], block, mask)
      this.#dq[group][queryBlock] = kernel.add(this.#dq[group][queryBlock], dq)
      sum = { dk: kernel.add(sum?.dk, dk), dv: kernel.add(sum?.dv, dv) }
    }
    if (sum === undefined) throw new RangeError('a block of key rows needs at least one tile')
    return sum
  }

  /** Adds what is gathered into the side's `dq`. */
  async finish(spans: SpanSink): Promise<void> {
    const { groups, queryBlocks } = this.#parts.tiling
    const { dq, lse } = this.#side
    const startNs = spans.now()
    const scale = Math.sqrt(lse.length / dq.length)
    for (const [at, group] of groups.entries()) {
      for (const [block, rows] of queryBlocks.entries()) {
        const sum = this.#dq[at][block]
        if (sum !== undefined) addColumns(await valuesOf(sum), dq, group.queries(), rows, group.headsPerOperand, scale)
      }
    }
    this.release()
    spans.record('d2h', startNs, spans.now(), { bytes: dq.byteLength })
  }

  release(): void {
    const { tf } = this.#parts.device.runtime
    tf.dispose(this.#queries.flat().flatMap(queryTensors))
    tf.dispose(this.#dq.flat().filter((sum) => sum !== undefined))
  }
}
