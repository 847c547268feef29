import type { FileClock } from '../../timeline/traceContent.ts'

/** Beyond this many µs a time counts from 1970 and not from a program's start: 2^46 µs would be 2.2 years of running. */
const UNIX_FROM_MICROS = 1e14
const NS_PER_US = 1000n

/** A file's clock before it is put on a timeline. */
export interface OwnClock {
  /** Whole µs that the file's times were counted from. */
  readonly originMicros: number
  /** Kineto's base, where the file has one. */
  readonly baseNs: bigint | null
  /** The start of its first span, in ns from its origin. */
  readonly firstNs: number
}

/** Absolute ns of a file's origin; null where its clock is its own. */
function absoluteNs({ originMicros, baseNs }: OwnClock): bigint | null {
  if (baseNs === null && originMicros <= UNIX_FROM_MICROS) return null
  return (baseNs ?? 0n) + BigInt(originMicros) * NS_PER_US
}

export interface CommonClock {
  /** By file. */
  readonly files: readonly FileClock[]
  /** Whether each file's times are on the common clock. */
  readonly related: readonly boolean[]
  /** Absolute ns of the timeline's 0; null where no file, or not every file, says. */
  readonly originNs: bigint | null
}

/** Puts files on one clock that begins with their first span. A file with a clock of its own begins at 0. */
export function relateClocks(clocks: readonly OwnClock[]): CommonClock {
  const origins = clocks.map(absoluteNs)
  const firsts = origins.flatMap((origin, at) => (origin === null ? [] : [origin + BigInt(clocks[at].firstNs)]))
  const first = firsts.reduce<bigint | null>((least, each) => (least === null || each < least ? each : least), null)
  const files = clocks.map(({ originMicros, firstNs }, at): FileClock => {
    const origin = origins[at]
    return { originMicros, shiftNs: origin === null || first === null ? -firstNs : Number(origin - first) }
  })
  const related = origins.map((origin) => origin !== null)
  return { files, related, originNs: related.every(Boolean) ? first : null }
}
