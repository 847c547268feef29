import type { Classification, CriticalPath, RingSummary, TraceAnalysis } from '../../preload/contract/analysis.ts'
import { formatBytes, formatNs, formatPercent } from '../format/quantity.ts'

/** What a trace says, in the sentences that head the sections of the Trace view. */

const plural = (count: number, one: string, many = `${one}s`): string => `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`

/** `0, 1 and 5`; long lists are cut. */
export function listRanks(ranks: readonly number[]): string {
  if (ranks.length > 8) return `${ranks.slice(0, 6).join(', ')} and ${ranks.length - 6} others`
  return ranks.length < 2 ? ranks.join('') : `${ranks.slice(0, -1).join(', ')} and ${ranks.at(-1) ?? ''}`
}

/** `forward ring of 4 ranks, 4 steps of 8.00 MiB`. */
export function describeRing({ pass, ranks, steps, bytesPerHop }: RingSummary): string {
  return `${pass} ring of ${plural(ranks.length, 'rank')}, ${plural(steps, 'step')}${bytesPerHop === null ? '' : ` of ${formatBytes(bytesPerHop)} a hop`}`
}

export function ringsTitle(rings: readonly RingSummary[]): string {
  const [first] = rings
  if (first === undefined) return 'No ring of ranks was recognised'
  const layout = rings.find((ring) => ring.layout !== null)?.layout ?? null
  const what = rings.length === 1 ? `A ${describeRing(first)}` : `${plural(rings.length, 'ring')} of up to ${plural(Math.max(...rings.map(({ ranks }) => ranks.length)), 'rank')}`
  return `${what}${layout === null ? '' : `: the work fits a ${layout} layout`}`
}

type PathPart = Exclude<keyof CriticalPath, 'makespanUs' | 'segments' | 'whatIf'>

/** Parts of the makespan in the order in which they are drawn; the colours are those of the categories. */
export const PATH_PARTS = [
  { key: 'computeUs', kind: 'compute', label: 'compute', look: 'compute', meaning: 'A kernel computes on the chain of spans that determined the makespan, as long as it would with equal work on all ranks' },
  { key: 'wireUs', kind: 'wire', label: 'wire', look: 'wait-link', meaning: 'Bytes are under way, and the chain has nothing else to do' },
  { key: 'imbalanceUs', kind: 'imbalance', label: 'imbalance', look: 'wait-peer', meaning: 'Beyond what it would have been with equal work on all ranks: waiting for a late one' },
  { key: 'launchGapUs', kind: 'launch-gap', label: 'launch gaps', look: null, meaning: 'Nothing runs on the device: launches that come late, host work, gaps' },
  { key: 'memoryUs', kind: 'memory', label: 'memory', look: 'memory', meaning: 'Copies and fills' },
  { key: 'otherUs', kind: 'other', label: 'other', look: 'other', meaning: 'Kernels that no rule knows' },
] as const satisfies readonly { readonly key: PathPart; readonly kind: CriticalPath['segments'][number]['kind']; readonly label: string; readonly look: string | null; readonly meaning: string }[]

export const WHAT_IFS = [
  { key: 'balancedLayoutUs', label: 'balanced layout', sentence: 'a balanced layout', meaning: 'All ranks compute equally long in every step, all else as it was' },
  { key: 'fullOverlapUs', label: 'full overlap', sentence: 'full overlap', meaning: 'All transfers run beside compute, all else as it was' },
  { key: 'infiniteLinkUs', label: 'infinite link', sentence: 'an infinite link', meaning: 'Bytes take no time, all else as it was' },
] as const satisfies readonly { readonly key: keyof CriticalPath['whatIf']; readonly label: string; readonly sentence: string; readonly meaning: string }[]

/** Smaller shares are no more than the rounding of the times behind them. */
const LEAST_SHARE = 0.0005

/** Share of the makespan that a change gives back. */
export function givesBack(path: CriticalPath, whatIfUs: number): number {
  const share = path.makespanUs === 0 ? 0 : 1 - whatIfUs / path.makespanUs
  return share < LEAST_SHARE ? 0 : share
}

/** Changes that give back less are not worth a sentence. */
const WORTH_SAYING = 0.01

export function pathTitle(path: CriticalPath): string {
  const largest = PATH_PARTS.reduce((most, part) => (path[part.key] > path[most.key] ? part : most))
  const best = WHAT_IFS.reduce((most, whatIf) => (path.whatIf[whatIf.key] < path.whatIf[most.key] ? whatIf : most))
  const share = givesBack(path, path.whatIf[best.key])
  const made = `${formatPercent(path.makespanUs === 0 ? 0 : path[largest.key] / path.makespanUs)} of the ${formatNs(path.makespanUs * 1000)} is ${largest.label}`
  return share < WORTH_SAYING ? `${made}; neither balance, overlap nor a faster link would give back 1 %` : `${made}; ${best.sentence} would give back ${formatPercent(share)}`
}

export function clockTitle({ clock }: Pick<TraceAnalysis, 'clock'>): string {
  if (clock.unaligned.length > 0) {
    const [who, whose] = clock.unaligned.length === 1 ? ['Rank', 'its'] : ['Ranks', 'their']
    return `${who} ${listRanks(clock.unaligned)} could not be related to the others: drawn from ${whose} own start`
  }
  if (clock.ranks.length < 2) return 'One rank, on its own clock'
  const widest = clock.uncertaintyNs.reduce((most: number, ns) => Math.max(most, ns ?? 0), 0)
  return `${plural(clock.ranks.length, 'rank')} on one clock${widest > 0 ? `, to within ±${formatNs(widest)}` : ''}`
}

const counted = (tally: readonly { readonly count: number }[]): number => tally.reduce((sum, { count }) => sum + count, 0)

export function filesTitle(files: TraceAnalysis['files']): string {
  const repairs = files.reduce((sum, file) => sum + counted(file.repairs), 0)
  const dropped = files.reduce((sum, file) => sum + counted(file.dropped), 0)
  const read = `${plural(files.reduce((sum, { events }) => sum + events, 0), 'event')} of ${plural(files.length, 'file')}`
  if (repairs + dropped === 0) return `${read}: nothing had to be mended or left out`
  return `${read}: ${plural(repairs, 'repair')}, ${dropped === 0 ? 'nothing' : plural(dropped, 'event')} left out`
}

export function classificationTitle({ kinds, other }: Classification): string {
  const known = kinds.filter(({ category }) => category !== 'other').reduce((sum, { totalUs }) => sum + totalUs, 0)
  const unknown = other.reduce((sum, { totalUs }) => sum + totalUs, 0)
  if (known + unknown === 0) return 'No device spans to classify'
  if (other.length === 0) return 'Every device span was recognised'
  return `${formatPercent(known / (known + unknown))} of the device time was recognised; ${plural(other.length, 'name')} fell into "other"`
}
