/**
 * npm run build: compiles the kernels and bundles main, preload and renderer into out/.
 * `npm run build -- --if-stale` does nothing when out/ is up to date.
 */
import { ensureBuilt } from './lib/build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { runMain, say } from './lib/project.mjs'

await runMain(async () => {
  await ensureInstalled()
  await ensureBuilt({ force: !process.argv.includes('--if-stale') })
  say('out/ is up to date')
  return 0
})
