/**
 * npm test: type check, lint, unit tests and end-to-end tests, after installing and building what is missing or stale.
 *
 *   npm test [-- section...]     only the named sections: types, lint, unit, e2e
 *
 * The unit tests of the tensorflow backend need what "npm run backend:tensorflow" brings, so that is run before them;
 * those of the webgpu backend need an adapter, which a browser brings where there is no GPU, so one is installed before them.
 *
 * Every section runs even when an earlier one failed. The last line is the total of all checks and tests; the exit code
 * is 0 exactly when none failed.
 */
import { rmSync } from 'node:fs'
import { ensureChromium } from './lib/browser.mjs'
import { ensureBuilt } from './lib/build.mjs'
import { findElectron, hasDisplay } from './lib/electron.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { runOnNode24 } from './lib/node24.mjs'
import { ScriptError, at, runMain } from './lib/project.mjs'
import { NOTHING, add, countTests, totalsLine } from './lib/testReport.mjs'

/** @typedef {import('./lib/testReport.mjs').Counts} Counts */

/**
 * A check that is one thing: it passes or it fails.
 * @param {readonly string[]} args for Node
 * @returns {Promise<Counts>}
 */
async function check(args) {
  return await runOnNode24(args) === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 }
}

/**
 * @param {string} name of the report
 * @param {readonly string[]} projects of vitest.config.ts
 * @param {Record<string, string>} [env]
 * @returns {Promise<Counts>}
 */
async function vitest(name, projects, env = {}) {
  const report = at('out', 'test-results', `${name}.json`)
  rmSync(report, { force: true })
  const code = await runOnNode24([
    'node_modules/vitest/vitest.mjs', 'run', ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default', '--reporter=json', `--outputFile.json=${report}`,
  ], { env })
  return countTests(report, code)
}

/** For how long the tests wait for TensorFlow. */
const TENSORFLOW_WITHIN_S = 180

/** Has the `tensorflow` backend there where it can be had, so that its tests run; they are skipped where not. */
async function prepareTensorflow() {
  const started = performance.now()
  const code = await runOnNode24(['scripts/backend-tensorflow.mjs', '--within', `${TENSORFLOW_WITHIN_S}`])
  const outcome = code === 0 ? 'its tests run' : 'its tests are skipped, for the reason above'
  process.stdout.write(`The tensorflow backend: ${outcome} (${((performance.now() - started) / 1000).toFixed(1)} s).\n`)
}

/** Has a browser here: the `webgpu` backend's tests run on the software adapter that comes with it, where there is no GPU. */
async function prepareWebgpu() {
  try {
    await ensureChromium()
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    process.stdout.write(`No software adapter for the webgpu backend: ${error.message}\n`)
  }
}

/** @type {Record<string, { title: string, run: () => Promise<Counts> }>} */
const SECTIONS = {
  types: {
    title: 'Type check',
    run: async () => {
      let counts = NOTHING
      for (const project of ['tsconfig.node.json', 'tsconfig.renderer.json', 'tsconfig.tests.json', 'tsconfig.scripts.json']) {
        counts = add(counts, await check(['node_modules/vue-tsc/bin/vue-tsc.js', '-p', project]))
      }
      return counts
    },
  },
  lint: {
    title: 'Lint and import directions',
    run: async () => add(
      await check(['node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.']),
      await check(['node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', '--config', '.dependency-cruiser.mjs',
        'kernels', 'main', 'preload', 'renderer', 'bench']),
    ),
  },
  unit: {
    title: 'Unit tests',
    run: async () => {
      await prepareTensorflow()
      await prepareWebgpu()
      return await vitest('unit', ['node', 'renderer'])
    },
  },
  e2e: {
    title: 'End-to-end tests',
    run: async () => {
      const why = findElectron() === null ? 'its binary is not here (npx install-electron fetches it)'
        : hasDisplay() ? null : 'there is no display (xvfb-run npm test gives it one)'
      if (why !== null) {
        process.stdout.write(`The true Electron window: skipped, ${why}. The same built code runs below over a double of the electron module.\n`)
      }
      return await vitest('e2e', ['e2e'], { CHROMIUM_PATH: await ensureChromium() })
    },
  },
}

/** @param {string} title */
const heading = (title) => process.stdout.write(`\n==== ${title} ${'='.repeat(Math.max(4, 70 - title.length))}\n`)

await runMain(async () => {
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !(name in SECTIONS))
  if (unknown.length > 0) throw new ScriptError(`no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}`, 2)
  heading('Install and build')
  try {
    await ensureInstalled()
    await ensureBuilt()
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    process.stderr.write(`ringscope: ${error.message}\n`)
    process.stdout.write(`\n${totalsLine({ ...NOTHING, failed: 1 })}\n`)
    return 1
  }

  /** @type {{ title: string, counts: Counts, seconds: number }[]} */
  const results = []
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    heading(section.title)
    const started = performance.now()
    const counts = await section.run().catch((/** @type {unknown} */ error) => {
      if (!(error instanceof ScriptError)) throw error
      process.stderr.write(`ringscope: ${error.message}\n`)
      return { ...NOTHING, failed: 1 }
    })
    results.push({ title: section.title, counts, seconds: (performance.now() - started) / 1000 })
  }

  heading('Summary')
  for (const { title, counts, seconds } of results) {
    process.stdout.write(`${counts.failed === 0 ? 'ok    ' : 'FAILED'}  ${title.padEnd(28)} ${totalsLine(counts).padEnd(40)} ${seconds.toFixed(0)} s\n`)
  }
  const total = results.map((result) => result.counts).reduce(add, NOTHING)
  process.stdout.write(`\n${totalsLine(total)}\n`)
  return total.failed === 0 ? 0 : 1
})
