import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { ConfigStore, defaultUserConfigDir } from './configStore.ts'

const SMALL = { world: 2, seqLen: 64, heads: 1, headDim: 8 }

let root: string
let store: ConfigStore
const user = (name: string): string => join(root, 'user', name)

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ringscope-configs-'))
  await mkdir(join(root, 'fixtures'))
  store = new ConfigStore(join(root, 'fixtures'), join(root, 'user'))
})
afterEach(() => rm(root, { recursive: true }))

describe('listing', () => {
  it('puts shipped configs before the user\'s, and does without a user folder', async () => {
    await writeFile(join(root, 'fixtures', 'b.json'), JSON.stringify({ ...SMALL, name: 'B' }))
    await writeFile(join(root, 'fixtures', 'a.json'), JSON.stringify({ ...SMALL, name: 'A' }))
    await writeFile(join(root, 'fixtures', 'notes.txt'), 'not a config')
    expect((await store.list()).map(({ id, config }) => [id, config?.name])).toEqual([['fixture:a', 'A'], ['fixture:b', 'B']])
    await store.save('Mine', SMALL)
    expect((await store.list()).map(({ id }) => id)).toEqual(['fixture:a', 'fixture:b', 'user:mine'])
  })

  it('lists a refused file with every problem', async () => {
    await mkdir(join(root, 'user'))
    await writeFile(user('broken.json'), JSON.stringify({ ...SMALL, world: 0, layuot: 'zigzag' }))
    await writeFile(user('torn.json'), '{"world": 2,')
    const [broken, torn] = await store.list()
    expect(broken).toMatchObject({ id: 'user:broken', config: null })
    expect(broken.problems.map(({ path }) => path).sort()).toEqual(['layuot', 'world'])
    expect(torn).toMatchObject({ id: 'user:torn', config: null, problems: [{ path: '' }] })
  })
})

describe('saving', () => {
  it('writes a complete config under the given name and gives it back', async () => {
    const entry = await store.save('Slow link, 2 ranks', { ...SMALL, name: 'another' })
    expect(entry).toMatchObject({ id: 'user:slow-link-2-ranks', source: 'user', fileName: 'slow-link-2-ranks.json' })
    expect(JSON.parse(await readFile(user(entry.fileName), 'utf8'))).toEqual(entry.config)
    expect(await store.list()).toEqual([entry])
    expect(entry.config).toMatchObject({ ...SMALL, name: 'Slow link, 2 ranks', kvHeads: 1, layout: 'zigzag' })
  })

  it('replaces the config of the same name only', async () => {
    await store.save('a b', SMALL)
    await store.save('a b', { ...SMALL, seqLen: 128 })
    expect(await store.save('A-B', SMALL)).toMatchObject({ fileName: 'a-b-2.json' })
    const listed = await store.list()
    expect(listed.map(({ fileName, config }) => [fileName, config?.name, config?.seqLen]))
      .toEqual([['a-b-2.json', 'A-B', 64], ['a-b.json', 'a b', 128]])
  })

  it('does not overwrite a file it cannot read as that config', async () => {
    await mkdir(join(root, 'user'))
    await writeFile(user('a.json'), 'a draft of the user')
    expect(await store.save('a', SMALL)).toMatchObject({ fileName: 'a-2.json' })
    expect(await readFile(user('a.json'), 'utf8')).toBe('a draft of the user')
  })

  it.each([
    '../../escape', '/etc/passwd', 'C:\\Windows\\x', '..', '.', 'a\0b', 'con', '  ', 'конфиг', 'x'.repeat(100), '.hidden', 'a/b',
  ])('keeps %j inside the folder, under a plain file name', async (name) => {
    const { fileName, id } = await store.save(name, SMALL)
    expect(fileName).toMatch(/^[a-z0-9][a-z0-9-]{0,70}\.json$/)
    expect(fileName).not.toBe('con.json')
    expect(await readdir(root)).toEqual(['fixtures', 'user'])
    expect(await readdir(join(root, 'user'))).toEqual([fileName])
    expect((await store.list()).map((entry) => [entry.id, entry.config?.name])).toEqual([[id, name]])
  })

  it.skipIf(process.platform === 'win32')('does not write through a link that leads out of the folder', async () => {
    await mkdir(join(root, 'user'))
    const outside = join(root, 'fixtures', 'outside.json')
    await writeFile(outside, JSON.stringify({ ...SMALL, name: 'linked' }))
    await symlink(outside, user('linked.json'))
    expect(await store.save('linked', { ...SMALL, seqLen: 999 })).toMatchObject({ fileName: 'linked-2.json' })
    expect(JSON.parse(await readFile(outside, 'utf8'))).toMatchObject({ seqLen: 64 })
  })

  it.each([[{ ...SMALL, heads: 0, mask: 'some' }, ['heads', 'mask']], ['not an object', ['']], [null, ['']], [[SMALL], ['']]])(
    'refuses %j with every problem and writes nothing', async (config, paths) => {
      const refused: unknown = await store.save('bad', config).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(InvalidInputError)
      expect((refused as InvalidInputError).problems.map(({ path }) => path).sort()).toEqual(paths)
      expect(await readdir(root)).toEqual(['fixtures'])
    })
})

describe('the user\'s folder', () => {
  it('is where RINGSCOPE_CONFIG_DIR says, else in the system\'s place for settings', () => {
    expect(defaultUserConfigDir({ RINGSCOPE_CONFIG_DIR: '/somewhere' })).toBe('/somewhere')
    expect(defaultUserConfigDir({})).toMatch(/ringscope.*configs$/i)
    expect(defaultUserConfigDir({ RINGSCOPE_CONFIG_DIR: '' })).toBe(defaultUserConfigDir({}))
  })
})
