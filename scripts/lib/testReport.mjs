import { readJson } from './project.mjs'

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 */

/** @type {Counts} */
export const NOTHING = { passed: 0, failed: 0, skipped: 0 }

/**
 * @param {Counts} a
 * @param {Counts} b
 * @returns {Counts}
 */
export const add = (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped })

/**
 * Counts the tests in a report of vitest's JSON reporter. A file that could not be loaded has no test to fail, so it
 * counts as one; so does a run that ended badly without a failed test, and one that wrote no report at all.
 * @param {string} path
 * @param {number} exitCode vitest's
 * @returns {Counts}
 */
export function countTests(path, exitCode) {
  const report = readJson(path)
  if (report === null) return { passed: 0, failed: 1, skipped: 0 }
  const brokenFiles = report.testResults.filter((/** @type {any} */ file) =>
    file.status === 'failed' && !file.assertionResults.some((/** @type {any} */ test) => test.status === 'failed')).length
  const failed = report.numFailedTests + brokenFiles
  return {
    passed: report.numPassedTests,
    failed: exitCode !== 0 && failed === 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/**
 * The last line of `npm test`.
 * @param {Counts} counts
 */
export function totalsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
