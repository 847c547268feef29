import type { RunFailure } from '../../preload/contract/run.ts'

/**
 * One report of something gone wrong. When a rank ends, those that it exchanges blocks with report that they lost it, often first; so reports
 * are gathered for a moment and the best explanation is kept.
 */
export interface FailureReport {
  readonly failure: RunFailure
  /** Why an error is behind the failure that must reach the caller as itself. */
  readonly cause?: Error
  readonly evidence: Evidence
}

/** From the surest to the least sure sign of where the fault lies. */
export const EVIDENCE = ['cancelled', 'reported', 'exited', 'silent', 'lost-peer'] as const
/**
 * `cancelled`: the user's wish. `reported`: the rank said what went wrong in it. `exited`: its process ended.
 * `silent`: nothing was heard of it. `lost-peer`: a rank found one at the other end of a link gone.
 */
export type Evidence = (typeof EVIDENCE)[number]

/** The report that explains the others: the surest, and of equally sure ones the first. */
export function bestExplanation(reports: readonly [FailureReport, ...FailureReport[]]): FailureReport {
  return reports.reduce((best, report) =>
    (EVIDENCE.indexOf(report.evidence) < EVIDENCE.indexOf(best.evidence) ? report : best))
}
