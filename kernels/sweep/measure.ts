import type { AttentionBackend, ConcreteBackendId, SpanSink } from '../backends/backend.ts'
import { createBackend } from '../backends/create.ts'
import { parseRunConfig, type RunConfig } from '../config/runConfig.ts'
import { BlockChecker, type BlockErrors, type MeasuredBlock, prepareBlock } from './block.ts'
import type { PrepareRequest } from './protocol.ts'

const nowNs = (): number => Number(process.hrtime.bigint())
const NO_SPANS: SpanSink = { now: nowNs, record: () => undefined }

/** Passes shorter than this are timed several together: a clock and a scheduler are too coarse for one. */
const SHORTEST_MEASUREMENT_NS = 5e6
const MOST_PASSES = 256
/** What engines need until they have optimised a kernel. */
const WARM_UP_NS = 30e6
const FEWEST_WARM_UPS = 2
/** Of a probe, beyond its warm-up. */
const PROBE_NS = 60e6
const FEWEST_PROBES = 7

/** The cells of one shape: their buffers are shared, their backends and scratch are not. */
interface Shape {
  readonly block: MeasuredBlock
  readonly checker: BlockChecker
}

interface Cell extends Shape {
  readonly backend: AttentionBackend
  /** Passes of one measurement; 0 until the warm-up has shown how long one takes. */
  passes: number
}

/** What cells of one shape have in common. */
const shapeKey = (config: RunConfig): string => JSON.stringify({ ...config, blockQ: 0, blockK: 0 })

/**
 * One pass, timed: `attend`, the ring step with its copies in and its merging, without taking in the queries and without
 * normalising, which happen once a pass; with a backward pass `attendBackward` likewise.
 */
async function timedPass(backend: AttentionBackend, { work, backward }: MeasuredBlock): Promise<number> {
  await backend.begin(work.side, NO_SPANS)
  const startNs = nowNs()
  await backend.attend(work, NO_SPANS)
  let durationNs = nowNs() - startNs
  await backend.finish(work.side, NO_SPANS)
  if (!backward) return durationNs
  await backend.beginBackward(work.side, NO_SPANS)
  const backwardNs = nowNs()
  await backend.attendBackward(work, NO_SPANS)
  durationNs += nowNs() - backwardNs
  await backend.finishBackward(work.side, NO_SPANS)
  return durationNs
}

/** @returns how long a pass takes once it is warm. */
async function warmUp(backend: AttentionBackend, block: MeasuredBlock): Promise<number> {
  let spentNs = 0
  let durationNs = 0
  for (let pass = 0; pass < FEWEST_WARM_UPS || (spentNs < WARM_UP_NS && pass < MOST_PASSES); pass++) {
    durationNs = await timedPass(backend, block)
    spentNs += durationNs
  }
  return durationNs
}

/** Holds the cells of a sweep ready in this process and measures them one at a time, in whatever order it is asked. */
export class MeasuringSession {
  readonly flops: readonly number[]
  readonly probeNs: readonly number[]
  readonly #cells: readonly Cell[]

  private constructor(cells: readonly Cell[], probeNs: readonly number[]) {
    this.#cells = cells
    this.flops = cells.map(({ block }) => block.flops)
    this.probeNs = probeNs
  }

  /**
   * Measures the probes, then lays out and fills the buffers of every cell.
   * @throws InvalidInputError, ArenaTooLargeError, BackendUnavailableError
   */
  static async prepare({ backend, kernelsDir, configs, probes }: Omit<PrepareRequest, 'kind'>): Promise<MeasuringSession> {
    const probeNs: number[] = []
    for (const probe of probes) probeNs.push(await timeProbe(parseRunConfig(probe, 'a probe of the sweep'), backend, kernelsDir))
    const parsed = configs.map((config) => parseRunConfig(config, 'a config of the sweep'))
    const cells = new Array<Cell>(parsed.length)
    try {
      for (const indices of Map.groupBy(parsed.keys(), (index) => shapeKey(parsed[index])).values()) {
        const tiles = indices.map((index) => parsed[index])
        const block = prepareBlock(tiles[0], backend, tiles)
        const checker = new BlockChecker(tiles[0], block)
        for (const [at, index] of indices.entries()) {
          const { blockQ, blockK } = tiles[at]
          const made = await createBackend(backend, { shape: { ...block.shape, blockQ, blockK }, arena: block.arenas[at], config: tiles[at], kernelsDir })
          cells[index] = { block, checker, backend: made, passes: 0 }
        }
      }
    } catch (error) {
      for (const cell of Object.values(cells)) await cell.backend.dispose()
      throw error
    }
    return new MeasuringSession(cells, probeNs)
  }

  get device(): string {
    return this.#cells[0].backend.device
  }

  /** Warms a cell up and checks what it computes. */
  async check(index: number): Promise<BlockErrors> {
    const cell = this.#cells[index]
    cell.checker.spoil()
    const durationNs = await warmUp(cell.backend, cell.block)
    cell.passes = Math.min(MOST_PASSES, Math.max(1, Math.ceil(SHORTEST_MEASUREMENT_NS / durationNs)))
    return cell.checker.errors()
  }

  /** ns of a pass. */
  async measure(index: number): Promise<number> {
    const { backend, block, passes } = this.#cells[index]
    if (passes === 0) throw new RangeError(`cell ${index} was not checked before it was measured`)
    let durationNs = 0
    for (let pass = 0; pass < passes; pass++) durationNs += await timedPass(backend, block)
    return durationNs / passes
  }

  async dispose(): Promise<void> {
    for (const { backend } of this.#cells) await backend.dispose()
  }
}

/** ns of a pass of a small config. */
async function timeProbe(config: RunConfig, backend: ConcreteBackendId, kernelsDir: string): Promise<number> {
  const block = prepareBlock(config, backend, [config])
  const { blockQ, blockK } = config
  const made = await createBackend(backend, { shape: { ...block.shape, blockQ, blockK }, arena: block.arenas[0], config, kernelsDir })
  try {
    await warmUp(made, block)
    // The fastest is the least disturbed: what is asked is what the kernel costs, not what else the machine does.
    let fastestNs = Infinity
    let spentNs = 0
    for (let pass = 0; pass < FEWEST_PROBES || (spentNs < PROBE_NS && pass < MOST_PASSES); pass++) {
      const durationNs = await timedPass(made, block)
      fastestNs = Math.min(fastestNs, durationNs)
      spentNs += durationNs
    }
    return fastestNs
  } finally {
    await made.dispose()
  }
}
