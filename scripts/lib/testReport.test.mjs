import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countTests, totalsLine } from './testReport.mjs'

/** @type {string} */
let folder
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'ringscope-report-')) })
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** @param {object} report */
function written(report) {
  const path = join(folder, 'report.json')
  writeFileSync(path, JSON.stringify(report))
  return path
}

describe('countTests', () => {
  it('counts tests', () => {
    const path = written({ numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1, testResults: [
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
    ] })
    expect(countTests(path, 1)).toEqual({ passed: 5, failed: 1, skipped: 3 })
  })

  it('counts a file that could not be loaded, a run that ended badly and a run without a report as failures', () => {
    const clean = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }
    expect(countTests(written({ ...clean, testResults: [{ status: 'failed', assertionResults: [] }] }), 1).failed).toBe(1)
    expect(countTests(written(clean), 1).failed).toBe(1)
    expect(countTests(written(clean), 0).failed).toBe(0)
    expect(countTests(join(folder, 'none.json'), 0).failed).toBe(1)
  })
})

describe('totalsLine', () => {
  it('has the form that CI reads', () => {
    expect(totalsLine({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed')
    expect(totalsLine({ passed: 12, failed: 1, skipped: 3 })).toBe('12 passed, 1 failed, 3 skipped')
  })
})
