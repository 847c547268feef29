import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { loadConfigFile } from './configFile.ts'

const fixtures = resolve(import.meta.dirname, '../../fixtures/configs')
let folder = ''
const base = { world: 2, seqLen: 64, heads: 2, headDim: 8 }

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-config-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function file(content: unknown, name = 'config.json'): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

async function problemsOf(path: string, sets: string[] = []): Promise<InvalidInputError> {
  const error: unknown = await loadConfigFile(path, sets).then(() => null, (reason: unknown) => reason)
  if (!(error instanceof InvalidInputError)) throw new Error(`not refused: ${String(error)}`)
  return error
}

describe('config files', () => {
  test('defaults are filled in', async () => {
    expect(await loadConfigFile(file(base), [])).toMatchObject({ ...base, layout: 'zigzag', kvHeads: 2 })
  })

  test('a byte order mark is no problem', async () => {
    expect((await loadConfigFile(file(`\uFEFF${JSON.stringify(base)}`), [])).world).toBe(2)
  })

  test('a file that is missing, a folder, or no JSON is refused with its path and what to do', async () => {
    const missing = join(folder, 'none.json')
    expect((await problemsOf(missing)).message).toContain(`${missing}: 1 problem`)
    expect((await problemsOf(missing)).message).toContain('no such file')
    expect((await problemsOf(folder)).message).toContain('a folder')
    expect((await problemsOf(file('{"world": 2,,}'))).message).toContain('not JSON at line 1, column 13: ')
    expect((await problemsOf(file('{"world": 2,\n  "seqLen": x}'))).message).toContain('not JSON at line 2, column 13: ')
    expect((await problemsOf(file(' \n'))).message).toContain('an empty file')
    expect((await problemsOf(join(file(base), 'inner.json'))).message).toContain('a part of the path is a file')
  })

  test('a large file by mistake is refused unread as a config', async () => {
    expect((await problemsOf(file(' '.repeat(2 ** 20 + 1)))).message).toContain('ringscope analyze')
  })

  test('every problem of the file and of the settings is reported at once, each with its path', async () => {
    const error = await problemsOf(file({ ...base, heads: 0, layuot: 'zigzag' }), ['world=-1', 'nonsense', 'link.speed=3', 'world.x=1'])
    expect(error.problems.map((problem) => problem.path).sort()).toEqual(
      ['--set', 'heads', 'layuot', 'link.bandwidthGBps', 'link.latencyUs', 'link.speed', 'world', 'world.x'])
  })
})

describe('--set', () => {
  test('values are JSON, else text; later ones win; nested paths reach into absent objects', async () => {
    const config = await loadConfigFile(file(base), [
      'world=8', 'world=4', 'layout=striped', 'overlap=false', 'name=a=b', 'link.bandwidthGBps=2.5', 'link.latencyUs=10',
      'stragglers={"1":2}', 'stragglers.3=1.5', 'model.gflops=40',
    ])
    expect(config).toMatchObject({
      world: 4, layout: 'striped', overlap: false, name: 'a=b', link: { bandwidthGBps: 2.5, latencyUs: 10 },
      stragglers: { 1: 2, 3: 1.5 }, model: { gflops: 40 },
    })
  })

  test('null takes a whole object back', async () => {
    const path = file({ ...base, link: { bandwidthGBps: 1, latencyUs: 1 } })
    expect((await loadConfigFile(path, ['link=null'])).link).toBeNull()
  })

  test.each(['seqlen=5', 'link.latency=5', '__proto__.world=5', '=5', 'world', 'a..b=1'])('%s is refused', async (set) => {
    expect((await problemsOf(file(base), [set])).problems.length).toBeGreaterThan(0)
  })

  test('a config that happens to have the keys of a problem is not mistaken for one', async () => {
    const error = await problemsOf(file({ ...base, model: { path: 'a', expected: 'b', given: 'c' } }), ['model.gflops=1'])
    expect(error.problems.map((problem) => problem.path).sort()).toEqual(['model.expected', 'model.given', 'model.path'])
  })
})

describe('configs that come with Ringscope', () => {
  const names = readdirSync(fixtures)

  test.each(names)('%s is valid, under a name of its own', async (name) => {
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*\.json$/)
    expect((await loadConfigFile(join(fixtures, name), [])).name).not.toBe('untitled')
  })

  test('they cover each layout on real compute and modelled, a slow link and a straggler', async () => {
    const configs = await Promise.all(names.map((name) => loadConfigFile(join(fixtures, name), [])))
    expect(new Set(configs.map((config) => config.name)).size).toBe(names.length)
    for (const layout of ['contiguous', 'striped', 'zigzag']) {
      const causal = configs.filter((config) => config.layout === layout && config.mask === 'causal')
      expect(causal.some((config) => config.world === 2 && config.backend !== 'modelled' && config.verify)).toBe(true)
      expect(causal.some((config) => config.world === 8 && config.backend === 'modelled')).toBe(true)
    }
    expect(configs.some((config) => config.link !== null)).toBe(true)
    expect(configs.some((config) => Object.keys(config.stragglers).length > 0)).toBe(true)
  })

  test('the configs of one comparison differ in layout and name only', async () => {
    for (const prefix of ['2-ranks-', '8-ranks-modelled-']) {
      const [first, ...others] = await Promise.all(['contiguous', 'striped', 'zigzag']
        .map((layout) => loadConfigFile(join(fixtures, `${prefix}${layout}-causal.json`), [])))
      for (const other of others) expect({ ...other, layout: '', name: '' }).toEqual({ ...first, layout: '', name: '' })
    }
  })
})
