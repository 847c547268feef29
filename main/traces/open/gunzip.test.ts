import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gzipSync } from 'node:zlib'
import { gunzip } from './gunzip.ts'
import { Tally } from '../tally.ts'

/** What comes out of stored bytes that arrive in chunks that end at the cuts. */
async function unpacked(stored: Uint8Array, cuts: readonly number[] = []): Promise<{ text: string; repairs: string[]; dropped: string[] }> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const ends = [...cuts.filter((cut) => cut < stored.length), stored.length].toSorted((a, b) => a - b)
    for (const [at, end] of ends.entries()) yield Promise.resolve(stored.subarray(ends[at - 1] ?? 0, end))
  }
  const repairs = new Tally()
  const dropped = new Tally()
  const parts: Uint8Array[] = []
  for await (const part of gunzip(chunks(), chunks, repairs, dropped)) parts.push(part)
  const tallied = (tally: Tally): string[] => tally.entries().map(({ kind, firstOffset }) => `${kind} @${firstOffset}`)
  return { text: Buffer.concat(parts).toString(), repairs: tallied(repairs), dropped: tallied(dropped) }
}

/** A member whose header has every optional field. */
function withFields(text: string): Buffer {
  const plain = gzipSync(text)
  const header = Buffer.from(plain.subarray(0, 10))
  header[3] = 2 | 4 | 8 | 16
  return Buffer.concat([header, Buffer.from([3, 0, 9, 9, 9]), Buffer.from('name\0comment\0'), Buffer.from([0, 0]), plain.subarray(10)])
}

const A = gzipSync('first')
const B = gzipSync('second')

describe('gzip', () => {
  test('members come back one after the other, wherever chunks divide them', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.string({ maxLength: 3000 }), fc.boolean()), { minLength: 1, maxLength: 4 }), fc.array(fc.nat(5000), { maxLength: 8 }), async (texts, cuts) => {
      const stored = Buffer.concat(texts.map(([text, fields]) => (fields ? withFields(text) : gzipSync(text))))
      expect(await unpacked(stored, cuts)).toEqual({ text: texts.map(([text]) => text).join(''), repairs: [], dropped: [] })
    }), { numRuns: 60 })
  })

  test('a chunk may end between members, or be a single byte', async () => {
    const stored = Buffer.concat([A, B])
    expect((await unpacked(stored, [A.length])).text).toBe('firstsecond')
    expect((await unpacked(stored, Array.from(stored, (_, at) => at))).text).toBe('firstsecond')
  })

  test('more than the buffers hold', async () => {
    const text = 'a long text, '.repeat(1_000_000)
    const { text: found } = await unpacked(gzipSync(text, { level: 1 }), [1000, 2000, 50_000])
    expect(found === text).toBe(true)
  })

  test('padding with zeros is counted, and what follows it is read', async () => {
    expect(await unpacked(Buffer.concat([A, Buffer.alloc(100)]))).toEqual({ text: 'first', repairs: ['zeros after the end of the gzip data @5'], dropped: [] })
    expect(await unpacked(Buffer.concat([A, Buffer.alloc(3), B]), [A.length + 1])).toEqual({ text: 'firstsecond', repairs: ['zeros between gzip members @5'], dropped: [] })
  })

  test('anything else after the last member is left out and counted', async () => {
    expect(await unpacked(Buffer.concat([A, B, Buffer.from('garbage')]))).toEqual({ text: 'firstsecond', repairs: [], dropped: ['bytes after the end of the gzip data @11'] })
  })

  test('cut off anywhere it gives what it held, and says so', async () => {
    const text = Array.from({ length: 2000 }, (_, at) => `line ${at * 7919 % 1000}\n`).join('')
    const stored = gzipSync(text)
    for (const length of [1, 5, 12, 100, stored.length - 9, stored.length - 8, stored.length - 1]) {
      const { text: found, dropped } = await unpacked(stored.subarray(0, length))
      expect(text.startsWith(found), `${length}`).toBe(true)
      expect(dropped).toEqual([`gzip data cut off by the end of the file @${found.length}`])
      if (length >= stored.length - 8) expect(found).toBe(text)
    }
    expect((await unpacked(Buffer.concat([A, B.subarray(0, 4)]))).text).toBe('first')
  })

  test('a checksum that does not fit is counted', async () => {
    const stored = Buffer.from(A)
    stored[stored.length - 6] ^= 1
    expect(await unpacked(stored)).toEqual({ text: 'first', repairs: ['gzip checksum does not fit the data @5'], dropped: [] })
  })

  test('damaged data rejects with the error of zlib', async () => {
    const stored = Buffer.concat([A.subarray(0, 10), Buffer.from('garbagegarbage')])
    await expect(unpacked(stored)).rejects.toThrow(expect.objectContaining({ code: expect.stringMatching(/^Z_/) as string }) as Error)
  })

  test('a reader that stops early ends it', async () => {
    const stored = gzipSync('x'.repeat(8_000_000))
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < stored.length; at += 100) yield Promise.resolve(stored.subarray(at, at + 100))
    }
    let seen = 0
    for await (const part of gunzip(chunks(), chunks, new Tally(), new Tally())) {
      seen += part.length
      break
    }
    expect(seen).toBeGreaterThan(0)
  })
})
