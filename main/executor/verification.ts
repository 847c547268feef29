import type { Tolerance } from '../../kernels/backends/tolerance.ts'
import type { Pass } from '../../kernels/config/runConfig.ts'
import type { FromRank } from '../../kernels/rank/protocol.ts'
import type { Verification } from '../../preload/contract/run.ts'

export type VerifiedAnswer = Extract<FromRank, { type: 'verified' }>

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** What the ranks found when they checked themselves, taken together. */
export function verificationOf(answers: readonly VerifiedAnswer[], tolerance: Tolerance, pass: Pass): Verification {
  const maxAbsError = Math.max(...answers.map((answer) => answer.maxAbsError))
  const gradErrors = answers.map((answer) => answer.maxAbsGradError).filter((error) => error !== null)
  const maxAbsGradError = gradErrors.length === 0 ? null : Math.max(...gradErrors)
  const gradTolerance = pass === 'forward' ? null : tolerance.gradient
  return {
    checkedRows: sum(answers.map((answer) => answer.checkedRows)),
    checkedGradRows: sum(answers.map((answer) => answer.checkedGradRows)),
    maxAbsError, maxAbsGradError,
    tolerance: tolerance.output, gradTolerance,
    passed: maxAbsError <= tolerance.output && (maxAbsGradError === null || gradTolerance === null || maxAbsGradError <= gradTolerance),
  }
}
