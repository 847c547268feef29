import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { RankShape } from '../backend.ts'
import { SliceGroup } from './slices.ts'
import type { TfRuntime } from './tfcore.ts'
import { attendedKeys, cutRows, planTiles, type QueryTiles, type RowSpan, type TileMask } from './tiles.ts'

/** What a step computes of a batch item, or of all of them where their masks are the same. */
export interface ItemPlan {
  readonly tiles: readonly QueryTiles[]
  /** 1 for key rows that a query attends to. */
  readonly attended: Uint8Array
}

/** How a rank's blocks are cut: slices into operations, rows into tiles. */
export class Tiling {
  readonly groups: readonly SliceGroup[]
  readonly queryBlocks: readonly RowSpan[]
  readonly keyBlocks: readonly RowSpan[]
  readonly #tokens: number
  readonly #batch: number
  readonly #masksDiffer: boolean

  /** @param masksDiffer whether the items of a batch may have masks of their own. */
  constructor(runtime: TfRuntime, shape: RankShape, masksDiffer: boolean) {
    const kvSlices = shape.batch * shape.kvHeads
    const perGroup = !runtime.batchesSlices ? 1 : masksDiffer ? shape.kvHeads : kvSlices
    this.groups = cutRows(kvSlices, perGroup).map((slices) => new SliceGroup(runtime, shape, slices))
    this.queryBlocks = cutRows(shape.tokens, shape.blockQ)
    this.keyBlocks = cutRows(shape.tokens, shape.blockK)
    this.#tokens = shape.tokens
    this.#batch = shape.batch
    this.#masksDiffer = masksDiffer
  }

  /**
   * The tiles of a step, one entry a slice group.
   * @param ranges one entry for all batch items or, with key padding, one for each.
   * @throws RangeError for another number of them.
   */
  plan(ranges: readonly KeyRanges[]): readonly ItemPlan[] {
    if (ranges.length !== 1 && !(this.#masksDiffer && ranges.length === this.#batch)) {
      throw new RangeError(`${ranges.length} masks for ${this.#batch} batch items, ${this.#masksDiffer ? 'with' : 'without'} key padding`)
    }
    const plans = ranges.map((ofItem): ItemPlan => ({
      tiles: planTiles(ofItem, this.queryBlocks, this.keyBlocks), attended: attendedKeys(ofItem, this.#tokens),
    }))
    return this.groups.map(({ item }) => (plans.length === 1 ? plans[0] : plans[item]))
  }

  /** Takes the key blocks that each group's tiles touch out of a slot, by key block. */
  takeKeys<T>(plans: readonly ItemPlan[], take: (group: SliceGroup, rows: RowSpan, attended: Uint8Array) => T): ReadonlyMap<number, T>[] {
    return this.groups.map((group, at) => {
      const { tiles, attended } = plans[at]
      const touched = new Set(tiles.flatMap((ofQueries) => ofQueries.tiles.map(({ keyBlock }) => keyBlock)))
      return new Map([...touched].map((block) => [block, take(group, this.keyBlocks[block], attended)]))
    })
  }
}

/** The masks of the partial tiles. */
export const masksOf = (plans: readonly ItemPlan[]): TileMask[] =>
  [...new Set(plans)].flatMap(({ tiles }) => tiles.flatMap((ofQueries) => ofQueries.tiles.flatMap(({ mask }) => mask ?? [])))
