#!/usr/bin/env node
// Starts the command line on the Node that npm installed with Ringscope, whichever Node comes first on the PATH.
// Runs on any Node that npm runs on, so it uses nothing new.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LEAST_NODE = 24
const BAD_USAGE = 2

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const commandLine = join(root, 'out', 'main', 'cli.js')

function fail(message) {
  console.error(`ringscope: ${message}`)
  process.exit(BAD_USAGE)
}

/** The Node to run on, or null where there is none that is new enough. */
function findNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const brought = join(root, 'node_modules', 'node', 'bin', name)
  if (existsSync(brought)) return brought
  return Number(process.versions.node.split('.')[0]) >= LEAST_NODE ? process.execPath : null
}

if (!existsSync(commandLine)) fail(`not built yet; run "npm run build" in ${root} first`)
const node = findNode()
if (node === null) {
  fail(`Node ${process.versions.node} is too old and the Node ${LEAST_NODE} that npm brings is missing; ` +
    `run "npm ci" in ${root}, or use Node ${LEAST_NODE} or newer`)
}

if (node === process.execPath) {
  await import(new URL('../out/main/cli.js', import.meta.url).href)
} else {
  const child = spawn(node, [commandLine, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A Windows console tells both processes by itself, and "kill" would end the child before it can save anything.
    process.on(signal, () => process.platform === 'win32' || child.kill(signal))
  }
  child.on('error', (error) => fail(`could not start ${node}: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}
