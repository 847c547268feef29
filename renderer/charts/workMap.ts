import type { RingSummary, StepCell } from '../../preload/contract/analysis.ts'
import type { PlanReport, StepKind } from '../../preload/contract/plan.ts'
import { formatCount, formatNs } from '../format/quantity.ts'
import type { CellMapPicture, ColumnGroup } from './cellMap.ts'

type PlannedStep = PlanReport['plan']['ranks'][number]['steps'][number]

interface StepLook {
  readonly letter: string
  readonly meaning: string
}

/** A letter per kind of step, for cells too small for words. */
const STEP_KINDS: Readonly<Record<StepKind, StepLook>> = {
  diagonal: { letter: 'D', meaning: 'diagonal: the rank\'s own block, lower triangle' },
  full: { letter: 'F', meaning: 'full: every query attends to every key' },
  skip: { letter: '-', meaning: 'skip: nothing to compute' },
  'first-half-kv': { letter: 'K', meaning: 'all queries, first half of the keys' },
  'second-half-q': { letter: 'Q', meaning: 'second half of the queries, all keys' },
  triangle: { letter: 'T', meaning: 'lower triangle with the diagonal' },
  'strict-triangle': { letter: 'S', meaning: 'lower triangle without the diagonal' },
  partial: { letter: 'P', meaning: 'a part that the mask or the layout cuts out' },
  none: { letter: '.', meaning: 'no block: moves only' },
}
const EXCHANGE: StepLook = { letter: 'A', meaning: 'all-to-all: computes nothing' }

/** How a planned step is drawn and explained. */
export const lookOfStep = ({ stage, kind }: PlannedStep): StepLook => (stage === 'exchange' ? EXCHANGE : STEP_KINDS[kind])

/** The looks that a plan's steps have, for a key under its map. */
export function usedLooks({ ranks }: PlanReport['plan']): readonly StepLook[] {
  return [...new Set(ranks.flatMap(({ steps }) => steps.map(lookOfStep)))]
}

/** What a step computes, a line each: whose keys, whose queries, how many pairs. */
export function describeStep(rank: number, step: PlannedStep): string[] {
  if (step.stage === 'exchange' || step.kvOwner < 0) return [`${step.pass} pass`]
  return [
    `${step.pass} pass, K/V of rank ${step.kvOwner}`,
    ...(step.queryOwner >= 0 && step.queryOwner !== rank ? [`helps rank ${step.queryOwner}: its queries`] : []),
    `${formatCount(step.pairs)} pairs per head`,
  ]
}

/** Charts draw a cell per rank and step up to this many ranks. */
export const MOST_MAP_RANKS = 128

/** @param planned the steps of any rank, for telling all-to-alls (a2a, as the field abbreviates it) apart. */
const stepLabels = (count: number, planned: readonly PlannedStep[]): string[] =>
  Array.from({ length: count }, (_, step) => `${planned.at(step)?.stage === 'exchange' ? 'a2a' : 'step'} ${step}`)

/** Where each pass begins; one group without a name where there is one pass. */
function passGroups(plan: PlanReport['plan']): ColumnGroup[] {
  const passes = plan.ranks[0]?.steps.map(({ pass }) => pass) ?? []
  const backward = passes.indexOf('backward')
  if (backward < 0) return [{ from: 0, label: 'step' }]
  return [{ from: 0, label: 'forward' }, { from: backward, label: 'backward' }]
}

/** Rank by step: pairs that each computes, by the plan. */
export function workMapPicture(plan: PlanReport['plan'], compact: boolean): CellMapPicture {
  const most = plan.ranks.reduce((max, rank) => rank.steps.reduce((high, { pairs }) => Math.max(high, pairs), max), 1)
  const steps = plan.ranks.reduce((count, rank) => Math.max(count, rank.steps.length), 0)
  return {
    columns: compact ? Array.from({ length: steps }, (_, step) => String(step)) : stepLabels(steps, plan.ranks[0]?.steps ?? []),
    rows: plan.ranks.map(({ rank }) => (compact ? `r${rank}` : `rank ${rank}`)),
    columnGroups: passGroups(plan), rowTitle: '', compact,
    cells: plan.ranks.flatMap(({ rank, steps: planned }) => planned.map((step) => ({
      column: step.step, row: rank, share: step.pairs === 0 ? null : step.pairs / most,
      lines: compact ? [lookOfStep(step).letter] : cellLines(rank, step),
      short: lookOfStep(step).letter,
    }))),
  }
}

function cellLines(rank: number, step: PlannedStep): string[] {
  const { letter } = lookOfStep(step)
  if (step.stage === 'exchange') return ['all-to-all']
  if (step.pairs === 0) return [step.kind === 'none' ? 'none' : 'skip']
  const helps = step.queryOwner >= 0 && step.queryOwner !== rank
  return [`${letter} ${formatCount(step.pairs)}`, ...(helps ? [`for rank ${step.queryOwner}`] : [])]
}

export const STEP_METRICS = [
  { key: 'imbalanceUs', label: 'Idle to the latest rank', meaning: 'Latest rank\'s compute end at this step minus this rank\'s' },
  { key: 'waitPeerUs', label: 'Waiting for a late peer', meaning: 'The peer had not begun to send' },
  { key: 'waitLinkUs', label: 'Waiting for the wire', meaning: 'Bytes under way that no compute hides' },
  { key: 'transferUs', label: 'Transfer', meaning: 'Bytes under way, hidden by compute or not' },
  { key: 'exposedUs', label: 'Exposed transfer', meaning: 'Transfer that compute does not hide' },
  { key: 'computeUs', label: 'Compute', meaning: 'Attention arithmetic and merging' },
  { key: 'idleUs', label: 'Idle', meaning: 'Neither computing nor communicating, from the step\'s start to the next one\'s' },
] as const
export type StepMetric = (typeof STEP_METRICS)[number]['key']

const FOREIGN_MEANINGS: Partial<Readonly<Record<StepMetric, string>>> = {
  waitPeerUs: 'The step\'s communication kernel had begun, and the latest kernel that it needs had not',
  transferUs: 'The step\'s communication kernel after that: hidden by compute or not',
  computeUs: 'Attention kernels of the step',
}

/** What a step map can show. Waiting for the wire is the exposed transfer of another tool's trace. @param foreign of another tool's trace */
export function stepMetrics(foreign: boolean): readonly { readonly key: StepMetric; readonly label: string; readonly meaning: string }[] {
  if (!foreign) return STEP_METRICS
  return STEP_METRICS.filter(({ key }) => key !== 'waitLinkUs').map((metric) => ({ ...metric, meaning: FOREIGN_MEANINGS[metric.key] ?? metric.meaning }))
}

/** The passes that an imported trace's steps are of: those of its first ring, and of the other pass of the same ranks. */
export function ringGroups(rings: readonly RingSummary[]): ColumnGroup[] {
  const [first] = rings
  if (first === undefined) return [{ from: 0, label: 'step' }]
  const own = rings.filter(({ ranks }) => ranks.length === first.ranks.length && ranks.every((rank) => first.ranks.includes(rank)))
  const forward = own.filter(({ pass }) => pass === 'forward').reduce((most, { steps }) => Math.max(most, steps), 0)
  const hasBackward = own.some(({ pass }) => pass === 'backward')
  if (forward === 0 || !hasBackward) return [{ from: 0, label: first.pass }]
  return [{ from: 0, label: 'forward' }, { from: forward, label: 'backward' }]
}

/** Rank by step: a measured time, mean over the measured iterations or passes. @param rings those of an imported trace, which has no plan */
export function stepMapPicture(
  steps: readonly StepCell[], metric: StepMetric, plan: PlanReport['plan'] | null, rings: readonly RingSummary[] = [],
): CellMapPicture {
  const ranks = [...new Set(steps.map(({ rank }) => rank))].sort((a, b) => a - b)
  const stepCount = steps.reduce((most, { step }) => Math.max(most, step + 1), 0)
  const most = steps.reduce((max, cell) => Math.max(max, cell[metric]), 0) || 1
  return {
    columns: stepLabels(stepCount, plan?.ranks[0]?.steps ?? []), rows: ranks.map((rank) => `rank ${rank}`),
    columnGroups: plan === null ? ringGroups(rings) : passGroups(plan), rowTitle: '',
    cells: steps.map((cell) => ({
      column: cell.step, row: ranks.indexOf(cell.rank), share: Math.max(0, cell[metric]) / most, lines: [formatNs(cell[metric] * 1000)],
    })),
  }
}
