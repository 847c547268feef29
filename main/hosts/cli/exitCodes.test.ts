import { describe, expect, test } from 'vitest'
import { ArenaTooLargeError } from '../../../kernels/backends/arena.ts'
import { BackendUnavailableError } from '../../../kernels/backends/backend.ts'
import { InvalidInputError } from '../../../kernels/config/problem.ts'
import type { RunFailure, Verification } from '../../../preload/contract/run.ts'
import { CalibrationCancelledError, CalibrationFailedError } from '../../rates/errors.ts'
import { SweepCancelledError, SweepFailedError } from '../../sweep/errors.ts'
import { TracePathError } from '../../traces/open/traceFiles.ts'
import { TraceFormatError } from '../../traces/traceFormatError.ts'
import { CancelledError, OutputError, UsageError } from './errors.ts'
import { exitCodeOfError, exitCodeOfRun, exitCodeOfSweep } from './exitCodes.ts'

const failure = (kind: RunFailure['kind']): RunFailure =>
  ({ kind, rank: 0, iteration: 0, step: 0, lastSpan: null, message: 'ended' })
const verification = (passed: boolean): Verification =>
  ({ checkedRows: 8, checkedGradRows: 0, maxAbsError: passed ? 1e-7 : 1, maxAbsGradError: null, tolerance: 1e-5, gradTolerance: null, passed })

describe('exit codes', () => {
  test('a run: 0 when it is done, verified or not', () => {
    expect(exitCodeOfRun({ failure: null, verification: null })).toBe(0)
    expect(exitCodeOfRun({ failure: null, verification: verification(true) })).toBe(0)
  })

  test('a run: 4 when verification failed, 3 when a rank failed, 130 when it was cancelled', () => {
    expect(exitCodeOfRun({ failure: null, verification: verification(false) })).toBe(4)
    for (const kind of ['crashed', 'timed-out', 'refused'] as const) {
      expect(exitCodeOfRun({ failure: failure(kind), verification: verification(false) })).toBe(3)
    }
    expect(exitCodeOfRun({ failure: failure('cancelled'), verification: null })).toBe(130)
  })

  test('a sweep: 4 as soon as one cell computes wrong results, 130 when it was cancelled, whatever it has', () => {
    expect(exitCodeOfSweep({ cells: [{ passed: true }, { passed: null }] }, false)).toBe(0)
    expect(exitCodeOfSweep({ cells: [{ passed: true }, { passed: false }] }, false)).toBe(4)
    expect(exitCodeOfSweep({ cells: [{ passed: true }] }, true)).toBe(130)
  })

  test('errors: bad input 2, what could not run or be written 3, cancelled 130, all else 1', () => {
    const trace = new TraceFormatError('a.json', { what: 'empty', expected: 'a trace', remedy: 'Save it again' })
    for (const error of [new UsageError('x'), new InvalidInputError('x', []), trace, new TracePathError('x'), new ArenaTooLargeError(2 ** 33)]) {
      expect([error.name, exitCodeOfError(error)]).toEqual([error.name, 2])
    }
    expect(exitCodeOfError(new BackendUnavailableError('tensorflow', 'x'))).toBe(3)
    expect(exitCodeOfError(new OutputError('x'))).toBe(3)
    expect(exitCodeOfError(new SweepFailedError('x', null))).toBe(3)
    expect(exitCodeOfError(new CalibrationFailedError('x'))).toBe(3)
    expect(exitCodeOfError(new CalibrationCancelledError('x'))).toBe(130)
    expect(exitCodeOfError(Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28, syscall: 'mkdir' }))).toBe(3)
    expect(exitCodeOfError(new CancelledError())).toBe(130)
    expect(exitCodeOfError(new SweepCancelledError())).toBe(130)
    expect([new TypeError('x'), 'text', undefined].map(exitCodeOfError)).toEqual([1, 1, 1])
  })
})
