import type { TraceAnalysis } from '../../../../preload/contract/analysis.ts'
import { formatRunReport } from './runReport.ts'
import { formatSections, formatTable } from './table.ts'
import { formatCount, formatShare, formatUs } from './units.ts'

type File = TraceAnalysis['files'][number]
type StepSummary = NonNullable<TraceAnalysis['run']>['plan']['ranks'][number]['steps'][number]

function describeFile(file: File): string {
  const counts = (what: string, items: File['repairs']): string[] =>
    items.map(({ kind, count, firstOffset }) => `  ${what} ${formatCount(count)} x ${kind} (first at byte ${formatCount(firstOffset)})`)
  const ranks = file.ranks.length === 0 ? 'no ranks' : `ranks ${file.ranks.join(', ')}`
  return [
    `${file.path}: ${formatCount(file.events)} events, ${ranks}`,
    ...counts('mended', file.repairs), ...counts('left out', file.dropped),
  ].join('\n')
}

function ranks(analysis: TraceAnalysis): string {
  const columns = ['rank', 'span', 'compute', 'communication', 'memory', 'idle', 'overlap', 'overlap ratio', 'exposed', 'waiting', 'transfer']
  return formatTable(columns.map((header) => ({ header })), analysis.ranks.map((rank) => [
    `${rank.rank}`, formatUs(rank.spanUs), formatUs(rank.computeUs), formatUs(rank.commUs), formatUs(rank.memoryUs),
    formatUs(rank.idleUs), formatUs(rank.overlapUs), formatShare(rank.overlapRatio), formatUs(rank.exposedCommUs),
    formatUs(rank.waitUs), formatUs(rank.transferUs),
  ]))
}

/** Which pass a step is of, and whether it is an all-to-all. */
function stepKind(step: StepSummary | undefined): string {
  if (step === undefined) return ''
  return step.stage === 'exchange' ? `${step.pass}, all-to-all` : step.pass
}

/** Per step: the slowest rank, and the most any rank waits for it. */
function steps(analysis: TraceAnalysis): string | null {
  if (analysis.steps.length === 0) return null
  const planned = analysis.run?.plan.ranks.at(0)?.steps ?? []
  const byStep = Map.groupBy(analysis.steps, (cell) => cell.step)
  const rows = [...byStep].sort(([a], [b]) => a - b).map(([step, cells]) => {
    const slowest = cells.reduce((most, cell) => (cell.computeUs > most.computeUs ? cell : most))
    const largest = (figure: 'imbalanceUs' | 'exposedUs' | 'waitPeerUs' | 'waitLinkUs'): string =>
      formatUs(Math.max(...cells.map((cell) => cell[figure])))
    return [
      `${step}`, stepKind(planned.at(step)), formatUs(slowest.computeUs), `${slowest.rank}`, largest('imbalanceUs'), largest('exposedUs'),
      largest('waitPeerUs'), largest('waitLinkUs'),
    ]
  })
  return 'means per step; the largest of any rank\n' + formatTable(
    [{ header: 'step' }, { header: '', align: 'left' },
      ...['compute', 'on rank', 'imbalance', 'exposed', 'wait for peer', 'wait for wire'].map((header) => ({ header }))], rows)
}

/** What a trace says, for people. @param finding its main point in a sentence. */
export function formatAnalysis(analysis: TraceAnalysis, finding: string): string {
  const { clock } = analysis
  const uncertainty = clock.uncertaintyNs.length === 0 ? 0 : Math.max(...clock.uncertaintyNs)
  return formatSections([
    analysis.files.map(describeFile).join('\n'),
    finding,
    `clock: ${clock.method}${uncertainty === 0 ? '' : `, uncertain by up to ${formatUs(uncertainty / 1000)}`}`,
    analysis.ranks.length === 0 ? 'no rank was found in it' : ranks(analysis),
    steps(analysis),
    analysis.run === null ? null : `As the run itself reported:\n\n${formatRunReport({ ...analysis.run, tracePath: null }).trimEnd()}`,
  ])
}
