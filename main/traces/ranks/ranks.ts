import { basename, dirname } from 'node:path'
import type { TraceRank } from '../../timeline/traceContent.ts'

export type RankFrom = TraceRank['rankFrom']

/** What a file says of the ranks in it. */
export interface RankClaim {
  readonly rankFrom: RankFrom
  /** Of each process (by the text of its pid) where the file has several ranks; null where the file is one rank. */
  readonly ofProcess: ReadonlyMap<string, number> | null
  /** All of them, ascending. */
  readonly ranks: readonly number[]
}

/** "rank-3", "rank3", else "worker3", else "_r3" as a word of a name; "frank3" and "4ranks" are none. */
const RANK_IN_NAME = [
  /(?<![a-z])rank[-_. =:#]?(\d{1,9})(?![0-9a-z])/i,
  /(?<![a-z])worker[-_. ]?(\d{1,9})(?![0-9a-z])/i,
  /(?:^|[-_.])r(\d{1,9})(?![0-9a-z])/i,
] as const

const wordOfRank = (name: string): RegExpExecArray | null =>
  RANK_IN_NAME.reduce<RegExpExecArray | null>((found, pattern) => found ?? pattern.exec(name), null)

function rankInName(name: string): number | null {
  const match = wordOfRank(name)
  return match === null ? null : Number(match[1])
}

/** The rank that a file's name says, or else its folder's. */
export const rankOfPath = (path: string): number | null => rankInName(basename(path)) ?? rankInName(basename(dirname(path)))

const ascending = (numbers: Iterable<number>): number[] => [...new Set(numbers)].toSorted((a, b) => a - b)

const ofFile = (rankFrom: RankFrom, rank: number): RankClaim => ({ rankFrom, ofProcess: null, ranks: [rank] })

/** What a file has to say, by what is said for certain first. */
export interface RankSources {
  readonly path: string
  /** From distributedInfo. */
  readonly distributed: number | null
  /** Ranks that processes call themselves, and devices that they stand for, by the text of the pid. */
  readonly processRanks: ReadonlyMap<string, number>
  readonly devices: ReadonlyMap<string, number>
}

/**
 * The ranks of a file: what distributedInfo says, else the file's name, else its processes. Processes of several ranks
 * go before all: such a file was merged, and has the distributedInfo of one of its parts.
 * @returns null where nothing says.
 */
export function claimRanks({ path, distributed, processRanks, devices }: RankSources): RankClaim | null {
  const named = ascending(processRanks.values())
  if (named.length > 1) return { rankFrom: 'process name', ofProcess: processRanks, ranks: named }
  if (distributed !== null) return ofFile('distributedInfo', distributed)
  const deviceRanks = ascending(devices.values())
  if (deviceRanks.length > 1) return { rankFrom: 'device', ofProcess: devices, ranks: deviceRanks }
  const fromPath = rankOfPath(path)
  if (fromPath !== null) return ofFile('file name', fromPath)
  if (named.length === 1) return ofFile('process name', named[0])
  return deviceRanks.length === 1 ? ofFile('device', deviceRanks[0]) : null
}

/** A file that is to be put with others. */
export interface ClaimingFile {
  readonly path: string
  readonly claim: RankClaim | null
  /** The world as the file says. */
  readonly world: number | null
}

/** A file of a group with the ranks that it has there: those it claims, or what it was given. */
export interface PlacedFile<F extends ClaimingFile> {
  readonly file: F
  readonly claim: RankClaim
}

function byFolder<F extends ClaimingFile>(files: readonly F[]): F[][] {
  const folders = [...Map.groupBy(files, ({ path }) => dirname(path)).values()]
  const seen = new Set<number>()
  for (const folder of folders) {
    const ranks = new Set(folder.flatMap(({ claim }) => claim?.ranks ?? []))
    // Two folders with a rank of their own each are the ranks of one job; with the same rank they are two jobs.
    if ([...ranks].some((rank) => seen.has(rank))) return folders
    for (const rank of ranks) seen.add(rank)
  }
  return [[...files]]
}

/** Devices are counted by host: those of the second file of a run are further ranks. */
function spreadDevices<F extends ClaimingFile>(files: readonly F[]): PlacedFile<F>[] {
  let base = 0
  return files.flatMap((file) => {
    const { claim } = file
    if (claim === null) return []
    const add = base
    base += (claim.ranks.at(-1) ?? 0) + 1
    const ofProcess = claim.ofProcess === null ? null : new Map([...claim.ofProcess].map(([pid, rank]) => [pid, rank + add]))
    return [{ file, claim: { ...claim, ofProcess, ranks: claim.ranks.map((rank) => rank + add) } }]
  })
}

const fits = <F extends ClaimingFile>(group: readonly F[], { claim, world }: F): boolean =>
  group.every((other) =>
    !(other.claim?.ranks ?? []).some((rank) => claim?.ranks.includes(rank) === true) &&
    (other.world === null || world === null || other.world === world))

/** A file's name without its rank: "runA_rank0.json" and "runA_rank1.json" share it. */
function seriesOf({ path }: ClaimingFile): string {
  const name = basename(path)
  const match = wordOfRank(name)
  return match === null ? name : `${name.slice(0, match.index)}#${name.slice(match.index + match[0].length)}`
}

/**
 * Divides files that were opened together into the runs they are of: a rank that a run has already belongs to another
 * run, and so does a world of another size; so do other folders that have the same ranks. Of several runs that lack a
 * rank, a file goes to the one whose files are called like it, else to the first.
 * Files that do not say their rank get the free ones in order.
 */
export function groupRuns<F extends ClaimingFile>(files: readonly F[]): PlacedFile<F>[][] {
  if (files.length === 0) return []
  return byFolder(files).flatMap((folder) => {
    if (folder.every(({ claim }) => claim?.rankFrom === 'device')) return [spreadDevices(folder)]
    const groups: F[][] = []
    for (const file of folder) {
      if (file.claim === null) continue
      const fitting = groups.filter((candidates) => fits(candidates, file))
      const series = seriesOf(file)
      const group = fitting.find((candidates) => candidates.some((other) => seriesOf(other) === series)) ?? fitting.at(0)
      if (group === undefined) groups.push([file])
      else group.push(file)
    }
    const silent = folder.filter(({ claim }) => claim === null)
    if (silent.length > 0 && groups.length === 0) groups.push([])
    return groups.map((group, at) => place(folder, at === 0 ? [...group, ...silent] : group))
  })
}

/** The files of a group in the order they were given, those without a rank with the free ones. */
function place<F extends ClaimingFile>(given: readonly F[], group: readonly F[]): PlacedFile<F>[] {
  const used = new Set(group.flatMap(({ claim }) => claim?.ranks ?? []))
  let free = 0
  return given.filter((file) => group.includes(file)).map((file) => {
    if (file.claim !== null) return { file, claim: file.claim }
    while (used.has(free)) free++
    used.add(free)
    return { file, claim: ofFile('order', free) }
  })
}

const SEPARATORS = /^[-_. ]+|[-_. ]+$/g
const EXTENSION = /(?:\.pt)?(?:\.trace)?\.json(?:\.gz)?$/i

/** What a timeline of several files is called: what their names have in common, else their folder. */
export function groupTitle(paths: readonly string[], ranks: number): string {
  const names = paths.map((path) => basename(path).replace(EXTENSION, ''))
  let length = 0
  while (length < names[0].length && names.every((name) => name[length] === names[0][length])) length++
  const stem = names[0].slice(0, length).replace(/(?<![a-z])(?:rank|worker|r)[-_. ]*\d*$/i, '').replaceAll(SEPARATORS, '')
  const folder = basename(dirname(paths[0])).replace(/^\.$/, '')
  const title = stem.length > 1 ? stem : folder || names[0]
  return `${title} · ${ranks} ${ranks === 1 ? 'rank' : 'ranks'}`
}
