import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TracePathError, traceFiles } from '../../traces/open/traceFiles.ts'
import { UsageError } from './errors.ts'
import { checkOutputPath } from './outputPath.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-files-'))
  mkdirSync(join(folder, 'inner.json'))
  for (const name of ['rank10.json', 'rank2.json.gz', 'RANK1.JSON', 'notes.txt', 'trace.json.bak']) writeFileSync(join(folder, name), '')
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('trace files', () => {
  test('a folder stands for its traces, numbers in order, nothing below it', () => {
    expect(traceFiles([folder])).toEqual(['RANK1.JSON', 'rank2.json.gz', 'rank10.json'].map((name) => join(folder, name)))
  })

  test('a pattern stands for what it matches', () => {
    expect(traceFiles([join(folder, 'rank*')])).toEqual(['rank2.json.gz', 'rank10.json'].map((name) => join(folder, name)))
    expect(() => traceFiles([join(folder, 'none-*.json')])).toThrow(/matches this pattern/)
  })

  test('a file is taken whatever its name, each only once', () => {
    const notes = join(folder, 'notes.txt')
    expect(traceFiles([notes, notes])).toEqual([notes])
  })

  test('nothing there', () => {
    expect(() => traceFiles([join(folder, 'none')])).toThrow(TracePathError)
    expect(() => traceFiles([join(folder, 'inner.json')])).toThrow(/no \.json or \.json\.gz file/)
  })
})

// Windows lets few users make links.
describe.skipIf(process.platform === 'win32')('a path that the system refuses to follow', () => {
  beforeAll(() => { symlinkSync('loop', join(folder, 'loop')) })

  test('is the user\'s to mend, as a trace and as a place for results', () => {
    expect(() => traceFiles([join(folder, 'loop')])).toThrow(TracePathError)
    expect(() => { checkOutputPath(join(folder, 'loop', 'trace.json'), ['.json']) }).toThrow(UsageError)
  })

  // Root may write anywhere.
  test.skipIf(process.getuid?.() === 0)('a folder closed to writing is refused before any work', () => {
    mkdirSync(join(folder, 'closed'), { mode: 0o500 })
    expect(() => { checkOutputPath(join(folder, 'closed', 'trace.json'), ['.json']) }).toThrow(/nothing can be written/)
  })
})

describe('where a result goes', () => {
  const names = ['.json', '.json.gz']

  test('a file in a folder that exists is fine, whether it exists or not', () => {
    for (const name of ['new.json', 'New.JSON.GZ', 'rank10.json']) {
      expect(() => { checkOutputPath(join(folder, name), names) }).not.toThrow()
    }
  })

  test.each([['trace.txt', /ends in \.json or \.json\.gz/], ['none/trace.json', /does not exist/], ['inner.json', /this is a folder/]] as const)(
    '%s is refused', (name, message) => {
      expect(() => { checkOutputPath(join(folder, name), names) }).toThrow(message)
    })
})
