import type { CandidateAnswer, LayoutAnswer, LinkAnswer, PlannerAnswers, PublishedAnswer } from '../../preload/contract/planner.ts'
import { formatBytes, formatCount, formatGigabytesPerSecond, formatMs, formatPercent, formatRatio } from '../format/quantity.ts'
import { hidingOf } from './plannerLinks.ts'

const count = (tokens: number): string => (Math.ceil(tokens) === 1 ? '1 token' : `${formatCount(Math.ceil(tokens))} tokens`)

/** Whether a link that does not hide the wire has the bandwidth for it. */
function latencyIsWhy({ bandwidthGBps, hides }: LinkAnswer, needed: PlannerAnswers['neededGBps']): boolean {
  return (hides.forward || bandwidthGBps >= needed.forward) && (hides.backward !== false || bandwidthGBps >= (needed.backward ?? 0))
}

function linkFinding(link: LinkAnswer, own: readonly LinkAnswer[], needed: PlannerAnswers['neededGBps']): string {
  // A node's link may be the one between nodes as well.
  const twice = own.filter(({ label }) => label === link.label).length > 1
  const name = `${link.label}${twice ? (link.chosen === 'inter' ? ' between nodes' : ' within a node') : ''}`
  const hiding = hidingOf(link)
  if (hiding === 'hidden') return `${name} hides the wire`
  const least = Math.max(link.minShardTokens.forward, link.minShardTokens.backward ?? 0)
  const why = latencyIsWhy(link, needed) ? ' for its latency' : ''
  const enough = `${why}${Number.isFinite(least) ? ` (takes ${formatCount(Math.ceil(least))})` : ''}`
  if (hiding === 'part') return `${name} hides it ${link.hides.forward ? 'forward' : 'backward'} only${enough}`
  return `${name} does not hide it${enough}`
}

/** Whether the chosen links hide the transfers of a plain ring. */
export function wireFinding({ links, neededGBps, shardTokens }: Pick<PlannerAnswers, 'links' | 'neededGBps' | 'shardTokens'>): string {
  const own = links.filter(({ chosen }) => chosen !== null)
  if (neededGBps.forward === 0) return 'One device to a ring: nothing travels'
  const opening = `${count(shardTokens)} a device`
  if (own.length === 0) return `${opening} need ${formatGigabytesPerSecond(neededGBps.forward)}; the chosen links take no time`
  return `${opening}: ${own.map((link) => linkFinding(link, own, neededGBps)).join(', ')}`
}

/** What balance is worth, by the plan alone. */
export function layoutsFinding(layouts: readonly LayoutAnswer[]): string {
  if (layouts.length === 0) return 'No layout to compare'
  const gain = ({ tileSpeedupOverContiguous, speedupOverContiguous }: LayoutAnswer): number => tileSpeedupOverContiguous ?? speedupOverContiguous
  const best = layouts.reduce((most, layout) => (gain(layout) > gain(most) ? layout : most))
  const contiguous = layouts.find(({ layout }) => layout === 'contiguous')
  const tiled = best.tileSpeedupOverContiguous === null ? '' : ' in whole tiles'
  if (contiguous === undefined || gain(best) <= gain(contiguous)) return 'By the plan alone no layout is faster than contiguous: the mask leaves all ranks the same work'
  return `Contiguous leaves ranks idle ${formatPercent(contiguous.idleFraction)} of the time; ${best.layout} is ${formatRatio(gain(best))} as fast${tiled}`
}

/** Which arrangement is fastest, and by how much. */
export function candidatesFinding({ candidates, margin }: Pick<PlannerAnswers, 'candidates' | 'margin'>, world: number): string {
  const [best, second] = candidates
  if (best === undefined) return 'No arrangement solves this problem on so many devices'
  const found = `${sentence(best.label)} is fastest on ${world === 1 ? 'one device' : `${world} devices`}: ${formatMs(best.makespanMs)}, ${formatRatio(best.speedupOverContiguous)} the contiguous ring`
  const misfit = best.fits === false ? ', but does not fit in memory' : ''
  if (second === undefined || margin === null) return `${found}${misfit}`
  const behind = margin < 0.0005 ? `${second.label} is as fast` : `${second.label} takes ${formatPercent(margin)} longer`
  return `${found}${misfit}; ${behind}`
}

/** How far the arrangements are apart. */
export function spanFinding(candidates: readonly CandidateAnswer[]): string {
  if (candidates.length < 2) return 'What the iteration takes'
  const slowest = candidates[candidates.length - 1]
  return `From ${formatMs(candidates[0].makespanMs)} to ${formatMs(slowest.makespanMs)}: the slowest of ${candidates.length} is the ${slowest.label}`
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** What a device holds of so many, and how long the context may grow. */
export function memoryFinding({ memory, cluster }: Pick<PlannerAnswers, 'memory' | 'cluster'>, world: number, model: string | null): string {
  const here = memory.find(({ devices }) => devices === world)
  if (here === undefined) return 'Memory of a device'
  const room = cluster.device.memoryBytes
  const of = room === null ? '' : ` of ${formatBytes(room)}`
  const what = model ?? 'Attention'
  const verb = room !== null && here.totalBytes > room ? 'would need' : 'takes'
  const context = here.longestContextTokens === null ? '' : `; its longest context there is ${count(here.longestContextTokens)}`
  return `${what} ${verb} ${formatBytes(here.totalBytes)}${of} on each of ${world} devices${context}`
}

/** How far a prediction is off, against what was published; null where that is 0. */
export const relativeDifference = ({ published, difference }: PublishedAnswer): number | null => (published === 0 ? null : difference / Math.abs(published))

/** How well our figures agree with measurements that they were not fitted to. */
export function publishedFinding(published: readonly PublishedAnswer[]): string {
  const tested = published.filter(({ kind, role }) => kind === 'measured' && role === 'prediction')
  const claims = published.filter(({ kind }) => kind === 'claim').length
  const off = tested.map(relativeDifference).filter((share) => share !== null).map(Math.abs).sort((a, b) => a - b)
  const beside = claims === 0 ? '' : `; ${claims} ${claims === 1 ? 'claim' : 'claims'} of the source documents beside them`
  if (off.length === 0) return `${published.length} published figures beside ours${beside}`
  const median = off[Math.floor((off.length - 1) / 2)]
  return `${off.length} published measurements predicted: half within ${formatPercent(median)}, all within ${formatPercent(off[off.length - 1])}${beside}`
}

/** Whether a candidate is the arrangement of a config. */
export function isArrangementOf({ config }: CandidateAnswer, other: Readonly<Record<string, unknown>>): boolean {
  const paths = config.algorithm === 'double-ring' ? ['window'] : config.algorithm === 'hybrid' ? ['ulyssesDegree'] : []
  return ['algorithm', 'layout', ...paths].every((path) => (config as Readonly<Record<string, unknown>>)[path] === other[path])
}
