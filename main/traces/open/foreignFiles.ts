import { EXPECTED_TRACE, TraceFormatError } from '../traceFormatError.ts'

interface KnownFormat {
  readonly what: string
  readonly remedy: string
  readonly matches: (head: Uint8Array) => boolean
}

/** Enough to know every format by. */
export const HEAD_BYTES = 512

const ascii = (head: Uint8Array, from: number, to: number): string => String.fromCharCode(...head.subarray(from, to))
const startsWith = (...bytes: readonly number[]) => (head: Uint8Array): boolean => bytes.every((byte, at) => head[at] === byte)

/** A trace of Perfetto is a protobuf of packets: each is a tag (field 1), its length and so many bytes, then the next. */
function isPerfetto(head: Uint8Array): boolean {
  if (head[0] !== 0x0a) return false
  let at = 1
  let length = 0
  for (let shift = 0; at < 6; at++, shift += 7) {
    length += (head[at] & 0x7f) * 2 ** shift
    if (head[at] < 0x80) break
  }
  const next = at + 1 + length
  return next < head.length ? head[next] === 0x0a : next === head.length || head.length === HEAD_BYTES
}

const FORMATS: readonly KnownFormat[] = [
  {
    what: 'this is a SQLite database (Nsight Systems and MindStudio export such)', matches: (head) => ascii(head, 0, 15) === 'SQLite format 3',
    remedy: 'Export Chrome Trace JSON from the tool that recorded it',
  },
  {
    what: 'this is a zip archive', matches: startsWith(0x50, 0x4b, 0x03, 0x04),
    remedy: 'Unpack it and open the .json or .json.gz files in it',
  },
  {
    what: 'this is a tar archive', matches: (head) => ascii(head, 257, 262) === 'ustar',
    remedy: 'Unpack it and open the .json or .json.gz files in it',
  },
  {
    what: 'this is compressed with zstd', matches: startsWith(0x28, 0xb5, 0x2f, 0xfd),
    remedy: 'Decompress it (zstd -d) and open the result, or compress with gzip',
  },
  {
    what: 'this is compressed with bzip2', matches: (head) => /^BZh[1-9]$/.test(ascii(head, 0, 4)),
    remedy: 'Decompress it (bunzip2) and open the result, or compress with gzip',
  },
  {
    what: 'this is compressed with xz', matches: startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a),
    remedy: 'Decompress it (unxz) and open the result, or compress with gzip',
  },
  {
    what: 'this is gzip inside gzip', matches: startsWith(0x1f, 0x8b),
    remedy: 'Decompress it once (gunzip) and open the result',
  },
  {
    what: 'this is a pointer of Git LFS and not the file', matches: (head) => ascii(head, 0, 23) === 'version https://git-lfs',
    remedy: 'Fetch the file (git lfs pull) and open it again',
  },
  {
    what: 'this is a web page', matches: (head) => /^\s*<(?:!doctype html|html)/i.test(ascii(head, 0, 64)),
    remedy: 'Download the trace itself',
  },
  {
    what: 'this is text in UTF-16', matches: (head) => startsWith(0xff, 0xfe)(head) || startsWith(0xfe, 0xff)(head),
    remedy: 'Save it as UTF-8',
  },
]

/** File names of formats whose content says less than the name does. */
const BY_NAME: readonly { readonly name: RegExp; readonly what: string; readonly remedy: string }[] = [
  {
    name: /\.nsys-rep$/i, what: 'this is a report of Nsight Systems',
    remedy: 'Nsight writes no Chrome Trace JSON: record the run with the PyTorch profiler or XLA\'s instead',
  },
  {
    name: /\.(?:pftrace|perfetto-trace)$/i, what: 'this is a trace in Perfetto\'s own format (protobuf)',
    remedy: 'Convert it with Perfetto\'s traceconv (traceconv json in.pftrace out.json) and open the result',
  },
  {
    name: /\.(?:xplane\.pb|pb)$/i, what: 'this is a profile of XLA in its own format (XPlane protobuf)',
    remedy: 'Open the trace.json.gz that the profiler writes beside it',
  },
]

const PERFETTO = BY_NAME[1]

/**
 * Refuses a file that is no text and no gzip, by its first bytes and its name.
 * @param head the first {@link HEAD_BYTES}, or all where there are fewer
 * @throws TraceFormatError that says what it is and what to do.
 */
export function refuseBinary(path: string, head: Uint8Array): void {
  const known = FORMATS.find(({ matches }) => matches(head))
  const named = head.length > 0 && isBinary(head) ? BY_NAME.find(({ name }) => name.test(path)) ?? (isPerfetto(head) ? PERFETTO : undefined) : undefined
  const found = named ?? known
  if (found !== undefined) throw new TraceFormatError(path, { what: found.what, expected: EXPECTED_TRACE, remedy: found.remedy })
}

const BLANK = new Set([0x09, 0x0a, 0x0d, 0x20])

/** Whether the first bytes cannot begin a trace: JSON is text that begins with white space, a mark, a bracket or a brace. */
function isBinary(head: Uint8Array): boolean {
  const first = head.find((byte) => !BLANK.has(byte))
  return first !== undefined && first !== 0x5b && first !== 0x7b && first !== 0xef
}
