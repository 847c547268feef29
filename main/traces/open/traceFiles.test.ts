import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { traceFiles, TracePathError } from './traceFiles.ts'

const root = mkdtempSync(join(tmpdir(), 'trace-files-'))
afterAll(() => { rmSync(root, { recursive: true }) })

const at = (...parts: string[]): string => join(root, ...parts)
for (const folder of ['flat', 'empty', 'nested/rank0', 'nested/rank1', 'nested/logs']) mkdirSync(at(folder), { recursive: true })
const files = ['flat/rank10.json', 'flat/rank2.json.gz', 'flat/rank2.pt.trace.json', 'flat/notes.md', 'flat/nccl-host-1.txt', 'nested/rank0/t.json', 'nested/rank1/t.json', 'nested/logs/log.txt']
for (const file of files) writeFileSync(at(file), '[]')

test('files as they are, whatever they are called', () => {
  expect(traceFiles([at('flat/notes.md'), at('flat/rank10.json'), at('flat/notes.md')])).toEqual([at('flat/notes.md'), at('flat/rank10.json')])
})

test('each once, by whatever path it is named', () => {
  symlinkSync(at('flat/rank10.json'), at('link.json'))
  expect(traceFiles([at('flat/rank10.json'), `${root}/./flat//rank10.json`, at('link.json')])).toEqual([at('flat/rank10.json')])
  rmSync(at('link.json'))
})

test('of a folder its traces, numbers in order of their value', () => {
  expect(traceFiles([at('flat')])).toEqual([at('flat/rank2.json.gz'), at('flat/rank2.pt.trace.json'), at('flat/rank10.json')])
})

test('of a folder without traces those of the folders in it', () => {
  expect(traceFiles([at('nested')])).toEqual([at('nested/rank0/t.json'), at('nested/rank1/t.json')])
})

test('all that matches a pattern, also files that a folder would not give', () => {
  expect(traceFiles([at('flat/rank*.json*')])).toEqual([at('flat/rank2.json.gz'), at('flat/rank2.pt.trace.json'), at('flat/rank10.json')])
  expect(traceFiles([at('nested/rank?')])).toEqual([at('nested/rank0/t.json'), at('nested/rank1/t.json')])
  expect(traceFiles([at('flat/nccl-*.txt')])).toEqual([at('flat/nccl-host-1.txt')])
})

test.each([
  ['a path that is not there', 'nothing.json', /nothing\.json: no such file or folder/],
  ['a folder without traces', 'empty', /empty: no \.json or \.json\.gz file in this folder/],
  ['a pattern that nothing matches', 'flat/*.csv', /no file or folder matches this pattern/],
])('refuses %s', (_, path, message) => {
  expect(() => traceFiles([at(path)])).toThrow(TracePathError)
  expect(() => traceFiles([at(path)])).toThrow(message)
})
