import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CLASSIFICATION_FILE, defaultClassificationDir, loadClassificationRules, parseClassificationRules } from './rules.ts'

let dir = ''
beforeAll(async () => { dir = await mkdtemp(join(tmpdir(), 'ringscope-rules-')) })
afterAll(async () => { await rm(dir, { recursive: true }) })

test('no file, no rules', async () => {
  expect(await loadClassificationRules(join(dir, 'nowhere'))).toBeNull()
})

test('a file in the folder beside the configs is read, and says where it was', async () => {
  const path = join(dir, CLASSIFICATION_FILE)
  const rules = [{ match: 'a.b', kind: 'attention', category: 'compute' as const }]
  await writeFile(path, JSON.stringify({ rules }))
  expect(await loadClassificationRules(dir)).toEqual({ path, rules })
  expect(defaultClassificationDir({ RINGSCOPE_CONFIG_DIR: join(dir, 'configs') })).toBe(dir)
})

test('a folder in its place is an error that names it, not an absence', async () => {
  const path = join(dir, 'other', CLASSIFICATION_FILE)
  await mkdir(path, { recursive: true })
  await expect(loadClassificationRules(join(dir, 'other'))).rejects.toThrow(path)
})

test.each([
  ['{"rules": [\n  {"match": "a", }]}', 'line 2, column 18'],
  ['', 'an empty file'],
  ['{"rules": [{"match": "a", "kind": "b", "category": "compute"}, {"match": "(", "kind": "b", "category": "compute"}]}', 'rules[1].match: expected a regular expression'],
  ['{"rules": [{"match": "a", "kind": "b", "category": "network"}]}', 'rules[0].category'],
  ['{"rules": [{"match": "a", "kind": "b", "category": "compute", "colour": 1}]}', 'colour'],
  ['[]', '(whole input): expected rules in JSON'],
])('%s is refused with its place', (text, place) => {
  expect(() => parseClassificationRules(text, '/etc/x/classification.json')).toThrow(place)
  expect(() => parseClassificationRules(text, '/etc/x/classification.json')).toThrow('/etc/x/classification.json')
})
