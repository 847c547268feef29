import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { openTraceBytes } from './openTraces.ts'
import { TraceFormatError } from '../traceFormatError.ts'

/** A Perfetto trace of packets of so many bytes. */
const perfetto = (...sizes: number[]): Buffer =>
  Buffer.concat(sizes.map((size) => Buffer.concat([Buffer.from(size < 128 ? [0x0a, size] : [0x0a, 0x80 | (size & 0x7f), size >> 7]), Buffer.alloc(size, 0x51)])))

const tar = Buffer.alloc(1024)
tar.write('ustar', 257)

const cases: [string, string, Uint8Array, RegExp][] = [
  ['a SQLite database', 'report.sqlite', Buffer.from('SQLite format 3\0rest'), /SQLite database.*Export Chrome Trace JSON/],
  ['a zip', 'traces.zip', Buffer.from([0x50, 0x4b, 3, 4, 0, 0]), /zip archive.*Unpack it/],
  ['a tar', 'traces.tar', tar, /tar archive.*Unpack it/],
  ['a compressed tar', 'traces.tar.gz', gzipSync(tar), /tar archive.*Unpack it/],
  ['zstd', 'trace.json.zst', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), /zstd.*Decompress it/],
  ['bzip2', 'trace.json.bz2', Buffer.from('BZh91AY'), /bzip2/],
  ['xz', 'trace.json.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), /compressed with xz/],
  ['gzip inside gzip', 'trace.json.gz', gzipSync(gzipSync('[]')), /gzip inside gzip.*gunzip/],
  ['a pointer of Git LFS', 'trace.json', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:ab\n'), /Git LFS.*git lfs pull/],
  ['a web page', 'trace.json', Buffer.from('\n<!DOCTYPE html><html></html>'), /web page.*Download/],
  ['gzip without anything in it', 'trace.json.gz', gzipSync(''), /nothing in this gzip file.*again/],
  ['gzip that ends in its header', 'trace.json.gz', gzipSync('[]').subarray(0, 5), /nothing in this gzip file.*again/],
  ['UTF-16', 'trace.json', Buffer.from('\uFEFF[]', 'utf16le'), /UTF-16.*UTF-8/],
  ['a short Perfetto trace', 'trace', perfetto(20, 30), /Perfetto's own format.*traceconv/],
  ['a Perfetto trace of long packets', 'trace', perfetto(2000, 30), /Perfetto's own format/],
  ['one that its name tells', 'trace.pftrace', Buffer.from([0x12, 1]), /Perfetto's own format/],
  ['an Nsight report', 'run.nsys-rep', Buffer.from([0xfe, 1, 2]), /Nsight Systems.*PyTorch profiler/],
  ['an XPlane', 'host.xplane.pb', Buffer.from([0x0a, 5, 1, 2]), /XPlane.*trace\.json\.gz/],
]

test.each(cases)('%s is named, and what to do', async (_, name, bytes, message) => {
  const refusal = await openTraceBytes(name, bytes).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(TraceFormatError)
  expect((refusal as TraceFormatError).message).toMatch(message)
})

test('a trace in text opens whatever its name says', async () => {
  const { spans } = await openTraceBytes('trace.pb', Buffer.from('\n\n[{"ph":"X","ts":1,"dur":1}]'))
  expect(spans.count).toBe(1)
})

test('text that begins with a new line is no Perfetto trace', async () => {
  await expect(openTraceBytes('notes', Buffer.from(`\nhello world, ${'and more of it '.repeat(60)}`))).rejects.toThrow(/starts with "h"/)
})
