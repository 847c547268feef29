import type { RunConfig } from '../config/runConfig.ts'

/** What decides which keys a query attends to. */
export type MaskDefinition = Pick<RunConfig, 'mask' | 'seqLen' | 'lookback' | 'keyPadding' | 'cuSeqlens'>

/** The number of the packed document that a position is in. @param cuSeqlens boundaries, ascending from 0 */
function documentNumber(cuSeqlens: readonly number[], position: number): number {
  let documents = cuSeqlens.length
  let number = 0
  while (documents > 1) {
    const half = documents >>> 1
    if (cuSeqlens[number + half] <= position) number += half
    documents -= half
  }
  return number
}

/**
 * Whether the query at a global position attends to the key at another: every mask by its definition, one pair at a
 * time. What plans and kernels say in ranges is checked against this; it shares no code with them.
 * @param item batch item, of the whole batch
 */
export function attends({ mask, seqLen, lookback, keyPadding, cuSeqlens }: MaskDefinition, item: number, query: number, key: number): boolean {
  if (query >= seqLen || key >= seqLen) return false
  if (mask === 'causal' && key > query) return false
  if (lookback !== null && query - key > lookback) return false
  if (keyPadding !== null && key >= keyPadding[item]) return false
  return cuSeqlens === null || documentNumber(cuSeqlens, query) === documentNumber(cuSeqlens, key)
}

/** Whether a query attends to any key: the earliest that its window and document have decides, as later keys are padding first. */
export function attendsToAny(rule: MaskDefinition, item: number, query: number): boolean {
  const { cuSeqlens, lookback, seqLen } = rule
  if (query >= seqLen) return false
  const documentStart = cuSeqlens === null ? 0 : cuSeqlens[documentNumber(cuSeqlens, query)]
  return attends(rule, item, query, lookback === null ? documentStart : Math.max(documentStart, query - lookback))
}

/** Whether any query attends to a key. Every key that is real is attended to by the query at its own position. */
export const isAttendedTo = (rule: MaskDefinition, item: number, key: number): boolean => attends(rule, item, key, key)

/**
 * Half-open interval of positions outside of which a query attends to no key, so that a long sequence need not be walked
 * whole. What is inside, {@link attends} decides.
 */
export function keyBounds({ mask, seqLen, lookback, keyPadding, cuSeqlens }: MaskDefinition, item: number, query: number): [from: number, to: number] {
  if (query >= seqLen) return [0, 0]
  const document = cuSeqlens === null ? 0 : documentNumber(cuSeqlens, query)
  const [start, end] = cuSeqlens === null ? [0, seqLen] : [cuSeqlens[document], cuSeqlens[document + 1]]
  const from = lookback === null ? start : Math.max(start, query - lookback)
  const to = Math.min(mask === 'causal' ? query + 1 : end, keyPadding?.[item] ?? end)
  return [Math.min(from, to), to]
}
