/** The parts of a trace's report that are tables. Each is null where there is nothing to say. */
import type { TraceAnalysis, TraceRankFigures } from '../../../../preload/contract/analysis.ts'
import { formatTable } from './table.ts'
import { formatCount, formatShare, formatUs, NONE } from './units.ts'

type File = TraceAnalysis['files'][number]

const MOST_NAMES = 10
const numbers = (headers: readonly string[]): { header: string }[] => headers.map((header) => ({ header }))
const listed = (ranks: readonly number[]): string => (ranks.length === 0 ? 'no ranks' : `${ranks.length === 1 ? 'rank' : 'ranks'} ${ranks.join(', ')}`)

function describeFile(file: File, sources: TraceAnalysis['rankSources']): string {
  const counts = (what: string, items: File['repairs']): string[] =>
    items.map(({ kind, count, firstOffset }) => `  ${what} ${formatCount(count)} x ${kind} (first at byte ${formatCount(firstOffset)})`)
  const from = [...new Set(sources.filter(({ path }) => path === file.path).map((source) => source.from))]
  const ranks = `${listed(file.ranks)}${from.length === 0 ? '' : `, known by ${from.join(' and ')}`}`
  return [
    `${file.path}: ${formatCount(file.events)} events, ${ranks}`,
    ...counts('mended', file.repairs), ...counts('left out', file.dropped),
  ].join('\n')
}

export const filesSection = ({ files, rankSources, world }: TraceAnalysis): string =>
  [...files.map((file) => describeFile(file, rankSources)), ...(world === null ? [] : [`world: ${world} ranks, as the files say`])].join('\n')

/** An offset with its sign: which way a clock was moved is the point. */
const offset = (ns: number): string => (ns > 0 ? `+${formatUs(ns / 1000)}` : formatUs(ns / 1000))

export function clockSection({ clock }: TraceAnalysis): string {
  const { method, ranks, offsetsNs, uncertaintyNs, unaligned } = clock
  const head = `clock: ${method}`
  const warning = unaligned.length === 0 ? null : `NOT ALIGNED: ${listed(unaligned)}; nothing relates them to the others, and no figure compares them`
  const table = ranks.length < 2 ? null : formatTable(numbers(['rank', 'offset', 'uncertain by']), ranks.map((rank, at) => {
    const uncertain = uncertaintyNs.at(at) ?? null
    return [`${rank}`, offset(offsetsNs[at]), uncertain === null ? 'unknown' : `± ${formatUs(uncertain / 1000)}`]
  }))
  return [head, table, warning].filter((part) => part !== null).join('\n')
}

const PARTS = ['span', 'compute', 'communication', 'memory', 'idle', 'overlap', 'overlap ratio'] as const
const partsOf = (figures: NonNullable<TraceRankFigures['hta']>): string[] => [
  formatUs(figures.spanUs), formatUs(figures.computeUs), formatUs(figures.commUs), formatUs(figures.memoryUs), formatUs(figures.idleUs),
  formatUs(figures.overlapUs), formatShare(figures.overlapRatio),
]

/** Our breakdown with HTA's beneath each rank's, so that they compare figure by figure. */
export function ranksSection({ ranks }: TraceAnalysis): string {
  if (ranks.length === 0) return 'no rank was found in it'
  const beside = ranks.some(({ hta }) => hta !== null)
  const rows = ranks.flatMap((rank) => [
    [`${rank.rank}`, ...(beside ? [''] : []), ...partsOf(rank), formatUs(rank.exposedCommUs)],
    ...(rank.hta === null ? [] : [['', 'as HTA has it', ...partsOf(rank.hta), '']]),
  ])
  return formatTable([
    { header: 'rank' }, ...(beside ? [{ header: '', align: 'left' as const }] : []), ...numbers(PARTS), { header: 'exposed' },
  ], rows)
}

/** Figures that rest on an estimate are marked. */
const estimated = (us: number, isEstimate: boolean): string => `${isEstimate && us > 0 ? '~' : ''}${formatUs(us)}`

/** How communication divides into waiting and bytes under way, where the trace has any; kinds that no rank has are left out. */
export function waitsSection({ ranks }: TraceAnalysis): string | null {
  const direct = ranks.some((rank) => rank.waitUs + rank.transferUs > 0)
  const collective = ranks.some((rank) => rank.collectiveWaitUs + rank.collectiveTransferUs > 0)
  if (!direct && !collective) return null
  const marked = ranks.some((rank) => rank.estimatedWaitUs > 0)
  const divided = (waitUs: number, transferUs: number, rough: boolean): string[] =>
    [estimated(waitUs, rough), estimated(transferUs, rough), waitUs + transferUs === 0 ? NONE : formatShare(waitUs / (waitUs + transferUs))]
  const rows = ranks.map((rank) => {
    const rough = rank.estimatedWaitUs > 0
    return [
      `${rank.rank}`,
      ...(direct ? divided(rank.waitUs, rank.transferUs, rough) : []),
      ...(collective ? divided(rank.collectiveWaitUs, rank.collectiveTransferUs, rough) : []),
      ...(marked ? [formatUs(rank.estimatedWaitUs)] : []),
    ]
  })
  const headers = [
    'rank', ...(direct ? ['point to point: waiting', 'transfer', 'waiting share'] : []),
    ...(collective ? ['collectives: waiting', 'transfer', 'waiting share'] : []), ...(marked ? ['of it estimated'] : []),
  ]
  const rule = 'a peer\'s trace is missing: the shortest kernel of its kind stands for the transfer, the rest for waiting'
  return `communication: waiting for a late peer, and bytes under way\n${formatTable(numbers(headers), rows)}${marked ? `\n~ ${rule}` : ''}`
}

export function classificationSection({ classification }: TraceAnalysis): string | null {
  if (classification === null || classification.kinds.length === 0) return null
  const { kinds, other, overriddenBy } = classification
  const table = formatTable([{ header: 'kind', align: 'left' }, { header: 'counts as', align: 'left' }, { header: 'spans' }, { header: 'time' }],
    kinds.map(({ kind, category, count, totalUs }) => [kind, category, formatCount(count), formatUs(totalUs)]))
  const unknown = other.slice(0, MOST_NAMES).map(({ name, count, totalUs }) => `  ${formatUs(totalUs)} in ${formatCount(count)} x ${name}`)
  const more = other.length > MOST_NAMES ? [`  and ${formatCount(other.length - MOST_NAMES)} more names`] : []
  return [
    `what ran on the device${overriddenBy === null ? '' : `; the rules of ${overriddenBy} go first`}`, table,
    ...(other.length === 0 ? [] : ['in no class (a classification.json can name them):', ...unknown, ...more]),
  ].join('\n')
}
