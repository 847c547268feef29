import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LARGEST_UPLOAD_BYTES } from '../../preload/contract/wire.ts'
import { NotFoundError } from './errors.ts'
import { Scratch } from './scratch.ts'
import { Uploads, UploadTooLargeError } from './uploads.ts'

let parent: string
let scratch: Scratch
let uploads: Uploads
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'ringscope-uploads-'))
  scratch = new Scratch(parent)
  uploads = new Uploads(scratch)
})
afterEach(() => { rmSync(parent, { recursive: true }) })

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text))
}
const left = (): string[] => readdirSync(scratch.folder)

describe('uploads', () => {
  it('lie on disk under their own names until they are opened, readable by nobody else', async () => {
    const first = await uploads.receive('rank-0.json', pieces('{"a"', ':1}'))
    const second = await uploads.receive('rank-0.json', pieces('[]'))
    const { paths, folder, remove } = uploads.take([first.uploadId, second.uploadId])
    expect(paths.map((path) => [basename(path), readFileSync(path, 'utf8')])).toEqual([['rank-0.json', '{"a":1}'], ['rank-0.json', '[]']])
    expect(paths.every((path) => path.startsWith(folder))).toBe(true)
    if (process.platform !== 'win32') expect([statSync(folder).mode & 0o77, statSync(paths[0]).mode & 0o77]).toEqual([0, 0])
    await remove()
    expect(left()).toEqual([])
  })

  it('are handed out once, and none where one of them is missing', async () => {
    const { uploadId } = await uploads.receive('a.json', pieces('[]'))
    expect(() => uploads.take([uploadId, 'no such'])).toThrow(NotFoundError)
    expect(uploads.take([uploadId, uploadId]).paths).toHaveLength(1)
    expect(() => uploads.take([uploadId])).toThrow(/send the file again/)
  })

  it.each([
    ['../../etc/passwd', 'passwd'], ['C:\\traces\\rank 1.json', 'rank 1.json'], ['a\u0000b:c.json', 'a_b_c.json'], ['..', 'trace'], ['/', 'trace'],
    [`${'x'.repeat(300)}-rank7.json.gz`, `${'x'.repeat(66)}-rank7.json.gz`], ['Spur äöü 跟踪.json', 'Spur äöü 跟踪.json'],
  ])('called %j are the file %j of their own folder', async (name, stored) => {
    const { uploadId } = await uploads.receive(name, pieces('[]'))
    const { paths: [path] } = uploads.take([uploadId])
    expect(path).toBe(join(scratch.folder, uploadId, stored))
  })

  it('that are too long, announced or in pieces, are refused and leave nothing', async () => {
    await expect(uploads.receive('a.json', pieces('12345', '67890', '1'), { limit: 10 })).rejects.toThrow(UploadTooLargeError)
    await expect(uploads.receive('a.json', pieces(), { announced: LARGEST_UPLOAD_BYTES + 1 })).rejects.toThrow(/a\.json is larger than 65536 MiB/)
    await expect(uploads.receive('a.json', pieces(), { announced: 2 ** 62, limit: 2 ** 63 })).rejects.toThrow(/no room for it .*TMPDIR/)
    expect(left()).toEqual([])
  })

  it('that break off leave nothing', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* pieces('half')
      throw new Error('the page went away')
    }
    await expect(uploads.receive('a.json', broken())).rejects.toThrow('the page went away')
    expect(left()).toEqual([])
  })

  it('that nobody opened are removed when their page is gone, but not those that are being read', async () => {
    const [kept, forgotten] = [await uploads.receive('a.json', pieces('[]')), await uploads.receive('b.json', pieces('[]'))]
    const { paths } = uploads.take([kept.uploadId])
    await uploads.clear()
    expect(left()).toEqual([kept.uploadId])
    expect(existsSync(paths[0])).toBe(true)
    expect(() => uploads.take([forgotten.uploadId])).toThrow(NotFoundError)
  })
})

describe('the scratch folder', () => {
  it('is not made before it is needed, and is gone afterwards', () => {
    expect(readdirSync(parent)).toEqual([])
    expect(existsSync(scratch.folder)).toBe(true)
    scratch.remove()
    expect(readdirSync(parent)).toEqual([])
  })

  it('of a process that is gone is swept by the next one, and of one that lives is not', () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    for (const owner of [pid, process.pid]) mkdirSync(join(parent, `ringscope-${owner}-0123abcd`))
    void new Scratch(parent).folder
    expect(readdirSync(parent).filter((name) => name.endsWith('0123abcd'))).toEqual([`ringscope-${process.pid}-0123abcd`])
  })
})
