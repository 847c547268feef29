import type { StepCell } from '../../../preload/contract/analysis.ts'
import { csvLine } from './csv.ts'

/** The columns of a CSV of steps: a line a rank and step, times in µs as in the analysis. */
export const STEP_COLUMNS = [
  'rank', 'step', 'computeUs', 'transferUs', 'exposedUs', 'waitPeerUs', 'waitLinkUs', 'idleUs', 'imbalanceUs',
] as const satisfies readonly (keyof StepCell)[]

/** Every rank's steps as lines of CSV, after a line of column names. */
export function* csvSteps(steps: readonly StepCell[]): Generator<string> {
  yield csvLine(STEP_COLUMNS)
  for (const cell of steps) yield csvLine(STEP_COLUMNS.map((column) => cell[column]))
}
