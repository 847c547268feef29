import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findTensorflow, TENSORFLOW_REMEDY } from './runtimes.ts'

const inPackage = (file: string): string => join('node_modules/@tensorflow/tfjs-node-gpu', file)

describe('findTensorflow', () => {
  let root: string
  const put = (...files: readonly string[]): void => {
    for (const file of files) {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      writeFileSync(join(root, file), '{}')
    }
  }
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ringscope-tensorflow-'))
    put('package.json')
  })
  afterEach(() => { rmSync(root, { recursive: true }) })

  it('misses the package, then its addon, and says how to get them', () => {
    expect(findTensorflow(root)).toMatchObject({ present: false, missing: 'package', reason: expect.stringContaining(TENSORFLOW_REMEDY) as string })
    put(inPackage('package.json'))
    expect(findTensorflow(root)).toMatchObject({ present: false, missing: 'addon', reason: expect.stringContaining(TENSORFLOW_REMEDY) as string })
    expect(TENSORFLOW_REMEDY).toContain('npm run backend:tensorflow')
  })

  it('finds the addon, and tells one whose library has no GPU support', () => {
    put(inPackage('package.json'), inPackage('lib/napi-v8/tfjs_binding.node'))
    expect(findTensorflow(root)).toEqual({ present: true, cpuOnly: false })
    put(inPackage('deps/cpu-only'))
    expect(findTensorflow(root)).toEqual({ present: true, cpuOnly: true })
  })
})
