import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise } from 'dependency-cruiser'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import config from '../.dependency-cruiser.mjs'

/** A tree that obeys every rule; each test adds one file that breaks one. */
const GOOD = {
  'package.json': '{ "name": "tree", "dependencies": { "zod": "1" }, "devDependencies": { "electron": "1", "vite": "1" } }',
  'node_modules/zod/package.json': '{ "name": "zod", "main": "index.js" }',
  'node_modules/zod/index.js': 'module.exports = {}',
  'node_modules/vite/package.json': '{ "name": "vite", "main": "index.js" }',
  'node_modules/vite/index.js': 'module.exports = {}',
  'node_modules/electron/package.json': '{ "name": "electron", "main": "index.js" }',
  'node_modules/electron/index.js': 'module.exports = {}',
  'kernels/plan.ts': 'export const plan = 1',
  'kernels/rank/entry.ts': "import { plan } from '../plan.ts'\nexport const entry = plan",
  'preload/contract/routes.ts': "import { z } from 'zod'\nexport const routes = z\nexport type Routes = typeof routes",
  'preload/contract/envelope.ts': 'export const envelope = 1',
  'preload/index.ts': "import { ipcRenderer } from 'electron'\nimport { envelope } from './contract/envelope.ts'\nvoid [ipcRenderer, envelope]",
  'main/app.ts': "import { plan } from '../kernels/plan.ts'\nimport { routes } from '../preload/contract/routes.ts'\nexport const app = [plan, routes]",
  'main/app/store.ts': "import { plan } from '../../kernels/plan.ts'\nexport const store = plan",
  'main/traces/open.ts': "import { plan } from '../../kernels/plan.ts'\nexport const open = plan",
  'main/hosts/electron/index.ts': "import { app as host } from 'electron'\nimport { app } from '../../app.ts'\nvoid [host, app]",
  'renderer/main.ts': "import type { Routes } from '../preload/contract/routes.ts'\nimport { envelope } from '../preload/contract/envelope.ts'\nexport const page: Routes | number = envelope",
}

/** @type {string} */
let tree
beforeEach(() => { tree = realpathSync(mkdtempSync(join(tmpdir(), 'ringscope-imports-'))) })
afterEach(() => rmSync(tree, { recursive: true, force: true }))

/** @param {Record<string, string>} extra */
async function brokenRules(extra) {
  for (const [path, text] of Object.entries({ ...GOOD, ...extra })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), `${text}\n`)
  }
  const { tsConfig: _none, ...options } = config.options ?? {}
  const { output } = await cruise(['kernels', 'main', 'preload', 'renderer'], {
    ...options, ruleSet: { forbidden: config.forbidden }, validate: true, baseDir: tree,
  })
  if (typeof output === 'string') throw new Error(`dependency-cruiser answered a text: ${output}`)
  return [...new Set(output.summary.violations.map((violation) => violation.rule.name))].sort()
}

describe('import directions', () => {
  it('lets a tree pass that keeps them', async () => {
    expect(await brokenRules({})).toEqual([])
  })

  /** @type {[rule: string, file: string, text: string][]} */
  const bad = [
    ['kernels-stand-alone', 'kernels/rank/entry.ts', "import { app } from '../../main/app.ts'\nvoid app"],
    ['kernels-stand-alone', 'kernels/rank/entry.ts', "import { envelope } from '../../preload/contract/envelope.ts'\nvoid envelope"],
    ['renderer-only-knows-the-contract', 'renderer/main.ts', "import { plan } from '../kernels/plan.ts'\nvoid plan"],
    ['renderer-only-knows-the-contract', 'renderer/main.ts', "import type { app } from '../main/app.ts'\nexport type App = typeof app"],
    ['renderer-only-knows-the-contract', 'renderer/main.ts', "import '../preload/index.ts'"],
    ['no-node-in-the-renderer', 'renderer/main.ts', "import { readFileSync } from 'node:fs'\nvoid readFileSync"],
    ['schemas-stay-out-of-the-page', 'renderer/main.ts', "import { routes } from '../preload/contract/routes.ts'\nvoid routes"],
    ['timelines-stand-alone', 'main/timeline/timeline.ts', "import { app } from '../app.ts'\nvoid app"],
    ['analysis-knows-timelines-only', 'main/comm/match.ts', "import { open } from '../traces/open.ts'\nvoid open"],
    ['traces-know-no-application', 'main/traces/open.ts', "import { store } from '../app/store.ts'\nexport const open = store"],
    ['comparing-knows-timelines-only', 'main/compare/compare.ts', "import { open } from '../traces/open.ts'\nvoid open"],
    ['simulating-knows-plans-only', 'main/simulator/simulate.ts', "import { store } from '../app/store.ts'\nvoid store"],
    ['engines-know-no-application', 'main/sweep/sweep.ts', "import { store } from '../app/store.ts'\nvoid store"],
    ['contract-is-types-and-schemas', 'preload/contract/envelope.ts', "import { app } from '../../main/app.ts'\nexport const envelope = app"],
    ['preload-is-thin', 'preload/index.ts', "import { plan } from '../kernels/plan.ts'\nvoid plan"],
    ['main-does-not-import-the-page', 'main/hosts/electron/index.ts', "import { page } from '../../../renderer/main.ts'\nvoid page"],
    ['electron-only-in-its-host', 'main/app.ts', "import { app as host } from 'electron'\nexport const app = host"],
    ['electron-only-in-its-host', 'renderer/main.ts', "import { ipcRenderer } from 'electron'\nvoid ipcRenderer"],
    ['electron-only-in-its-host', 'main/app.ts', "export const app = import('electron')"],
    ['nothing-below-imports-a-host', 'main/app.ts', "import './hosts/electron/index.ts'\nexport const app = 1"],
    ['no-cycles', 'kernels/plan.ts', "import { entry } from './rank/entry.ts'\nexport const plan = () => entry"],
    ['no-orphans', 'kernels/forgotten.ts', 'export const forgotten = 1'],
    ['resolvable', 'kernels/rank/entry.ts', "import './gone.ts'"],
    ['tests-are-not-imported', 'kernels/rank/entry.ts', "import '../plan.test.ts'"],
    ['no-dev-dependencies-in-what-ships', 'main/app.ts', "import 'vite'\nexport const app = 1"],
  ]
  for (const [rule, file, text] of bad) {
    it(`${rule}: ${file} with ${JSON.stringify(text.split('\n')[0])}`, async () => {
      expect(await brokenRules({ 'kernels/plan.test.ts': "import { plan } from './plan.ts'\nvoid plan", [file]: text })).toContain(rule)
    })
  }

  it('has a test here for every rule', () => {
    expect(new Set(bad.map(([rule]) => rule))).toEqual(new Set(config.forbidden?.map((rule) => rule.name)))
  })
})
