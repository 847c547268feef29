import { execFileSync } from 'node:child_process'
import { root } from './paths.ts'

/** Runs before the end-to-end tests: they test what is built, so it must be what is in the sources. */
export default function buildIfStale(): void {
  execFileSync(process.execPath, ['scripts/build.mjs', '--if-stale'], { cwd: root, stdio: 'inherit' })
}
