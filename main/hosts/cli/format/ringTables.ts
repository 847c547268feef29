/** The parts of a trace's report about rings, their steps, and the critical path. Null where there is nothing to say. */
import type { CriticalPath, RingSummary, TraceAnalysis } from '../../../../preload/contract/analysis.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount, formatShare, formatUs, NONE } from './units.ts'

type StepSummary = NonNullable<TraceAnalysis['run']>['plan']['ranks'][number]['steps'][number]

/** What of a ring's time nothing was computed in, by rank; ~ before an estimate. */
function ringTimes({ times }: RingSummary): string {
  const rows = times.map((time) => [
    `${time.rank}`, formatUs(time.ringUs), `${time.estimated ? '~' : ''}${formatUs(time.exposedWaitUs)}`,
    time.waitedFor === null ? NONE : `rank ${time.waitedFor}`, `${time.estimated ? '~' : ''}${formatUs(time.exposedTransferUs)}`,
  ])
  return formatTable(['rank', 'in the ring', 'exposed waiting', 'mostly for', 'exposed transfer'].map((header) => ({ header })), rows)
}

function describeRing(ring: RingSummary): string {
  const times = ring.passes === 1 ? 'once' : `${formatCount(ring.passes)} times`
  const bytes = ring.bytesPerHop === null ? '' : `, ${formatBytes(ring.bytesPerHop)} a hop`
  const layout = ring.layout === null ? 'layout not clear' : `layout ${ring.layout}`
  return [
    `${ring.pass} ring ${ring.ranks.join(' > ')}${ring.world === null ? '' : ` of ${ring.world} ranks`}, ${ring.group}: ` +
      `${times}, ${formatCount(ring.steps)} steps${bytes}, ${layout}`,
    ...ring.evidence.map((sentence) => `  ${sentence}`),
    ...(ring.times.length === 0 ? [] : [ringTimes(ring)]),
  ].join('\n')
}

export const ringsSection = ({ rings }: TraceAnalysis): string | null => (rings.length === 0 ? null : rings.map(describeRing).join('\n'))

/** Which pass a step is of, and whether it is an all-to-all. Steps of a backward pass come after those of the forward pass. */
function stepKind({ run, rings }: TraceAnalysis, step: number): string {
  if (run === null) {
    const forward = rings.find(({ pass, ranks }) => pass === 'forward' && ranks.join() === rings[0].ranks.join())
    return step < (forward?.steps ?? 0) ? 'forward' : 'backward'
  }
  const planned: StepSummary | undefined = run.plan.ranks.at(0)?.steps.at(step)
  if (planned === undefined) return ''
  return planned.stage === 'exchange' ? `${planned.pass}, all-to-all` : planned.pass
}

/** Per step: the slowest rank, and the most any rank waits for it. */
export function stepsSection(analysis: TraceAnalysis): string | null {
  const { steps, run, rings } = analysis
  if (steps.length === 0) return null
  const byStep = Map.groupBy(steps, (cell) => cell.step)
  const rows = [...byStep].sort(([a], [b]) => a - b).map(([step, cells]) => {
    const slowest = cells.reduce((most, cell) => (cell.computeUs > most.computeUs ? cell : most))
    const largest = (figure: 'imbalanceUs' | 'transferUs' | 'exposedUs' | 'waitPeerUs' | 'waitLinkUs' | 'idleUs'): string =>
      formatUs(Math.max(...cells.map((cell) => cell[figure])))
    return [
      `${step}`, stepKind(analysis, step), formatUs(slowest.computeUs), `${slowest.rank}`, largest('imbalanceUs'), largest('transferUs'),
      largest('exposedUs'), largest('waitPeerUs'), largest('waitLinkUs'), largest('idleUs'),
    ]
  })
  return `means per step${run === null ? ` of the ring ${rings[0].ranks.join(' > ')}` : ''}; the largest of any rank\n` + formatTable(
    [{ header: 'step' }, { header: '', align: 'left' },
      ...['compute', 'on rank', 'imbalance', 'transfer', 'exposed', 'wait for peer', 'wait for wire', 'idle'].map((header) => ({ header }))], rows)
}

const PARTS: readonly (readonly [what: string, of: (path: CriticalPath) => number])[] = [
  ['compute', (path) => path.computeUs], ['imbalance', (path) => path.imbalanceUs], ['wire', (path) => path.wireUs],
  ['launch gaps', (path) => path.launchGapUs], ['memory', (path) => path.memoryUs], ['other', (path) => path.otherUs],
]
const CHANGES: readonly (readonly [what: string, of: (path: CriticalPath['whatIf']) => number])[] = [
  ['a balanced layout', ({ balancedLayoutUs }) => balancedLayoutUs],
  ['full overlap', ({ fullOverlapUs }) => fullOverlapUs],
  ['an infinite link', ({ infiniteLinkUs }) => infiniteLinkUs],
]

export function criticalPathSection({ criticalPath: path, ranks }: TraceAnalysis): string | null {
  if (path === null) return ranks.length > 1 ? 'critical path: none, the ranks share no clock' : null
  if (path.makespanUs === 0) return null
  const share = (us: number): string => formatShare(us / path.makespanUs)
  const parts = formatTable([{ header: '', align: 'left' }, { header: 'time' }, { header: 'share' }],
    PARTS.filter(([, of]) => of(path) > 0).map(([what, of]) => [what, formatUs(of(path)), share(of(path))]))
  const changes = CHANGES.map(([what, of]) => {
    const wouldUs = of(path.whatIf)
    return `${what} would give back ${share(path.makespanUs - wouldUs)} (${formatUs(wouldUs)})`
  })
  return [`critical path: what the makespan of ${formatUs(path.makespanUs)} was made of`, parts, 'each alone, at most:', ...changes.map((line) => `  ${line}`)].join('\n')
}
