import type { StepCell } from '../../preload/contract/analysis.ts'
import type { PlanReport, StepKind } from '../../preload/contract/plan.ts'
import { formatCount, formatNs } from '../format/quantity.ts'
import type { CellMapPicture } from './cellMap.ts'

/** A letter per kind of step, for cells too small for words. */
export const STEP_KINDS: Readonly<Record<StepKind, { readonly letter: string; readonly meaning: string }>> = {
  diagonal: { letter: 'D', meaning: 'diagonal: the rank\'s own block, lower triangle' },
  full: { letter: 'F', meaning: 'full: every query attends to every key' },
  skip: { letter: '-', meaning: 'skip: nothing to compute' },
  'first-half-kv': { letter: 'K', meaning: 'all queries, first half of the keys' },
  'second-half-q': { letter: 'Q', meaning: 'second half of the queries, all keys' },
  triangle: { letter: 'T', meaning: 'lower triangle with the diagonal' },
  'strict-triangle': { letter: 'S', meaning: 'lower triangle without the diagonal' },
}

/** Charts draw a cell per rank and step up to this many ranks. */
export const MOST_MAP_RANKS = 128

const stepLabels = (count: number, compact: boolean): string[] =>
  Array.from({ length: count }, (_, step) => (compact ? String(step) : `step ${step}`))

/** Rank by step: pairs that each computes, by the plan. */
export function workMapPicture(plan: PlanReport['plan'], compact: boolean): CellMapPicture {
  const most = plan.ranks.reduce((max, rank) => rank.steps.reduce((high, { pairs }) => Math.max(high, pairs), max), 1)
  return {
    columns: stepLabels(plan.world, compact),
    rows: plan.ranks.map(({ rank }) => (compact ? `r${rank}` : `rank ${rank}`)),
    columnTitle: 'ring step', rowTitle: '', compact,
    cells: plan.ranks.flatMap(({ rank, steps }) => steps.map(({ step, kind, pairs }) => ({
      column: step, row: rank, share: pairs === 0 ? null : pairs / most,
      lines: [compact ? STEP_KINDS[kind].letter : pairs === 0 ? 'skip' : `${STEP_KINDS[kind].letter} ${formatCount(pairs)}`],
      short: STEP_KINDS[kind].letter,
    }))),
  }
}

export const STEP_METRICS = [
  { key: 'imbalanceUs', label: 'Idle to the latest rank', meaning: 'Latest rank\'s compute end at this step minus this rank\'s' },
  { key: 'waitPeerUs', label: 'Waiting for a late peer', meaning: 'The peer had not begun to send' },
  { key: 'waitLinkUs', label: 'Waiting for the wire', meaning: 'Bytes under way that no compute hides' },
  { key: 'exposedUs', label: 'Exposed transfer', meaning: 'Transfer that compute does not hide' },
  { key: 'computeUs', label: 'Compute', meaning: 'Attention arithmetic and merging' },
] as const
export type StepMetric = (typeof STEP_METRICS)[number]['key']

/** Rank by step: a measured time, mean over the measured iterations. */
export function stepMapPicture(steps: readonly StepCell[], metric: StepMetric): CellMapPicture {
  const ranks = [...new Set(steps.map(({ rank }) => rank))].sort((a, b) => a - b)
  const stepCount = steps.reduce((most, { step }) => Math.max(most, step + 1), 0)
  const most = steps.reduce((max, cell) => Math.max(max, cell[metric]), 0) || 1
  return {
    columns: stepLabels(stepCount, false), rows: ranks.map((rank) => `rank ${rank}`), columnTitle: 'ring step', rowTitle: '',
    cells: steps.map((cell) => ({
      column: cell.step, row: ranks.indexOf(cell.rank), share: Math.max(0, cell[metric]) / most, lines: [formatNs(cell[metric] * 1000)],
    })),
  }
}
