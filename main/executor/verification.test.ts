import { describe, expect, it } from 'vitest'
import { verificationOf, type VerifiedAnswer } from './verification.ts'

const tolerance = { output: 1e-5, gradient: 1e-4 }
const answer = (maxAbsError: number, maxAbsGradError: number | null): VerifiedAnswer => ({
  type: 'verified', checkedRows: 3, maxAbsError, maxAbsGradError, checksum: 1,
  checkedGradRows: maxAbsGradError === null ? 0 : 2, checkedKeyGradRows: 0,
})

describe('verificationOf', () => {
  it('takes the worst of all ranks, and counts their rows', () => {
    expect(verificationOf([answer(1e-7, 2e-5), answer(3e-6, 1e-6)], tolerance, 'forward-backward')).toEqual({
      checkedRows: 6, checkedGradRows: 4, maxAbsError: 3e-6, maxAbsGradError: 2e-5, tolerance: 1e-5, gradTolerance: 1e-4, passed: true,
    })
  })

  it('knows no gradient of a forward pass, nor one where no rank could check any', () => {
    expect(verificationOf([answer(1e-7, null)], tolerance, 'forward')).toMatchObject({ maxAbsGradError: null, gradTolerance: null, passed: true })
    expect(verificationOf([answer(1e-7, null), answer(1e-7, 1e-6)], tolerance, 'forward-backward')).toMatchObject({ maxAbsGradError: 1e-6, passed: true })
  })

  it.each([[answer(2e-5, 1e-6)], [answer(1e-7, 2e-4)]])('fails on an output and on a gradient that is off', (wrong) => {
    expect(verificationOf([answer(1e-7, 1e-6), wrong], tolerance, 'forward-backward').passed).toBe(false)
  })
})
