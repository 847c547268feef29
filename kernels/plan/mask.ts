import type { RunConfig } from '../config/runConfig.ts'

/** What decides which keys a query attends to. */
export type MaskRule = Pick<RunConfig, 'mask' | 'seqLen' | 'lookback' | 'keyPadding' | 'cuSeqlens'>

/** Half-open interval of global positions. */
export interface PositionInterval {
  readonly from: number
  readonly to: number
}

/**
 * The keys that the query at `position` of batch item `item` attends to; empty (from >= to) for none. One interval for
 * every mask: the causal or full mask, cut by the lookback window, the query's document and the item's key length.
 * Padding positions (>= seqLen) attend to nothing and nothing attends to them.
 */
export function visibleInterval(rule: MaskRule, item: number, position: number): PositionInterval {
  const { mask, seqLen, lookback, keyPadding, cuSeqlens } = rule
  if (position >= seqLen) return { from: 0, to: 0 }
  const document = cuSeqlens === null ? { from: 0, to: seqLen } : documentOf(cuSeqlens, position)
  const from = lookback === null ? document.from : Math.max(document.from, position - lookback)
  const to = Math.min(mask === 'causal' ? position + 1 : document.to, keyPadding?.[item] ?? seqLen)
  return { from, to: Math.max(from, to) }
}

/**
 * Number of the document that holds a position; the last one for positions past the end.
 * @param boundaries ascending from 0, as `cu_seqlens`: document i is [boundaries[i], boundaries[i + 1])
 */
export function documentAt(boundaries: readonly number[], position: number): number {
  let low = 0
  let high = boundaries.length - 1
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (boundaries[middle] <= position) low = middle
    else high = middle
  }
  return low
}

function documentOf(boundaries: readonly number[], position: number): PositionInterval {
  const document = documentAt(boundaries, position)
  return { from: boundaries[document], to: boundaries[document + 1] }
}

/** Batch items whose masks differ: the items themselves with key padding, one that stands for all without. */
export const distinctItems = (rule: Pick<MaskRule, 'keyPadding'>, firstItem: number, items: number): number[] =>
  rule.keyPadding === null ? [firstItem] : Array.from({ length: items }, (_, index) => firstItem + index)

/** Of batch items whose masks are alike (equal key lengths, or none), one that stands for all, with their number. */
export function alikeItems(rule: Pick<MaskRule, 'keyPadding'>, items: readonly number[]): { readonly item: number; readonly count: number }[] {
  const alike = new Map<number | undefined, { item: number; count: number }>()
  for (const item of items) {
    const length = rule.keyPadding?.[item]
    const group = alike.get(length)
    if (group === undefined) alike.set(length, { item, count: 1 })
    else group.count++
  }
  return [...alike.values()]
}
