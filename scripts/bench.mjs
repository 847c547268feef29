/** npm run bench -- <name> [args]: runs bench/<name>.ts on the Node that npm brought. */
import { existsSync, readdirSync } from 'node:fs'
import { ensureBuilt } from './lib/build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { runOnNode24 } from './lib/node24.mjs'
import { at, runMain } from './lib/project.mjs'

function names() {
  return readdirSync(at('bench')).filter((name) => /^[^.]+\.ts$/.test(name)).map((name) => name.slice(0, -3)).sort()
}

await runMain(async () => {
  const [name, ...args] = process.argv.slice(2)
  if (name === undefined || !names().includes(name) || !existsSync(at('bench', `${name}.ts`))) {
    if (name !== undefined) process.stderr.write(`ringscope: no bench "${name}"\n`)
    process.stderr.write(`usage: npm run bench -- <name> [args]\nbenches: ${names().join(', ') || 'none'}\n`)
    return 2
  }
  await ensureInstalled()
  await ensureBuilt({ only: 'kernels' })
  return await runOnNode24([`bench/${name}.ts`, ...args])
})
