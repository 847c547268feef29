import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
/** `import x from 'y'`, `export … from 'y'`, `import 'y'`, `import('y')`, `require('y')`; not `import type`. */
const IMPORTS = /^\s*(?:import|export)\s+(?!type\b)(?:[^'"]*?\bfrom\s*)?['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/gm

/** Everything that running a module loads: our own files, relative to the root, and the packages they name. */
function reachableFrom(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    const name = relative(ROOT, file).split(sep).join('/')
    if (files.has(name)) return
    files.add(name)
    for (const match of readFileSync(file, 'utf8').matchAll(IMPORTS)) {
      const specifier = match[1] ?? match[2]
      if (!specifier.startsWith('.')) packages.add(specifier)
      else {
        const target = join(dirname(file), specifier)
        expect(existsSync(target), `${name} imports ${specifier}`).toBe(true)
        visit(target)
      }
    }
  }
  visit(join(ROOT, entry))
  return { files, packages }
}

describe('what runs in a rank', () => {
  it.each([
    ['kernels/rank/entry.ts', ['kernels/rank/rankLoop.ts', 'kernels/backends/create.ts', 'kernels/attention/verify.ts']],
    ['kernels/transport/commEntry.ts', ['kernels/transport/inboundLink.ts', 'kernels/transport/outboundLink.ts']],
  ])('%s reaches kernels alone: neither Electron nor the application', (entry, within) => {
    const { files, packages } = reachableFrom(entry)
    expect([...files]).toEqual(expect.arrayContaining(within))
    expect([...files].filter((file) => !file.startsWith('kernels/'))).toEqual([])
    expect([...packages].filter((name) => name === 'electron' || name.startsWith('electron/'))).toEqual([])
  })
})
