import type {
  CandidateAnswer, LayoutAnswer, LinkAnswer, MemoryAnswer, PlannerAnswers, PlannerTables, PublishedAnswer,
} from '../../../../preload/contract/planner.ts'
import { formatSections, formatTable } from './table.ts'
import { formatBytes, formatCount, formatMs, formatShare, NONE, significant } from './units.ts'

const ifAny = <T>(value: T | null, text: (value: T) => string): string => (value === null ? NONE : text(value))
const yesNo = (yes: boolean): string => (yes ? 'yes' : 'no')

function verdict({ candidates, margin, cluster }: PlannerAnswers): string {
  const [best, runnerUp] = candidates
  const lead = runnerUp === undefined || margin === null ? ''
    : margin === 0 ? `, as fast as: ${runnerUp.label}` : `, ${formatShare(margin)} ahead of: ${runnerUp.label}`
  const tooLarge = best.fits === false ? '; it does not fit the device\'s memory' : ''
  return `on ${cluster.label}\nfastest: ${best.label}${lead}${tooLarge}`
}

const candidateRow = ({ label, makespanMs, speedupOverContiguous, idleFraction, overlapRatio, exposedMs, bytesSentPerRank, bytesPerDevice, fits }: CandidateAnswer): string[] => [
  label, formatMs(makespanMs), significant(speedupOverContiguous), formatShare(idleFraction), formatShare(overlapRatio), formatMs(exposedMs),
  formatBytes(bytesSentPerRank), formatBytes(bytesPerDevice), ifAny(fits, yesNo),
]

const candidates = (answers: PlannerAnswers): string => 'every arrangement, simulated; bytes are of the busiest rank\n' + formatTable(
  [{ header: 'arrangement', align: 'left' }, { header: 'makespan' }, { header: 'over contiguous' }, { header: 'idle' }, { header: 'overlap' },
    { header: 'exposed' }, { header: 'sent' }, { header: 'memory' }, { header: 'fits' }],
  answers.candidates.map(candidateRow))

const impossible = (answers: PlannerAnswers): string | null => (answers.impossible.length === 0 ? null
  : 'not among them\n' + answers.impossible.map(({ label, why }) => `  ${label}: ${why}`).join('\n'))

const linkRow = ({ label, bandwidthGBps, minShardTokens, margin, chosen }: LinkAnswer): string[] => [
  `${chosen === null ? '  ' : '* '}${label}`, significant(bandwidthGBps), formatCount(minShardTokens.forward), `${significant(margin.forward)}x`,
  ifAny(minShardTokens.backward, formatCount), ifAny(margin.backward, (value) => `${significant(value)}x`),
]

function links({ links: all, neededGBps, shardTokens }: PlannerAnswers): string {
  const backward = ifAny(neededGBps.backward, (value) => `, backward ${significant(value)} GB/s`)
  return `a step of ${formatCount(shardTokens)} tokens a rank hides its transfer from ${significant(neededGBps.forward)} GB/s forward` +
    `${neededGBps.backward === null ? '' : backward}\n` +
    formatTable([{ header: '  link (* of this cluster)', align: 'left' }, { header: 'GB/s' }, { header: 'tokens that hide, forward' }, { header: 'margin' },
      { header: 'backward' }, { header: 'margin' }], all.map(linkRow))
}

const layoutRow = ({ layout, idleFraction, tileIdleFraction, speedupOverContiguous, tileSpeedupOverContiguous }: LayoutAnswer): string[] => [
  layout, formatShare(idleFraction), significant(speedupOverContiguous), formatShare(tileIdleFraction), ifAny(tileSpeedupOverContiguous, significant),
]

const layouts = (answers: PlannerAnswers): string => 'layouts of a plain ring, communication free\n' + formatTable(
  [{ header: 'layout', align: 'left' }, { header: 'idle' }, { header: 'over contiguous' }, { header: 'idle in tiles' }, { header: 'over contiguous' }],
  answers.layouts.map(layoutRow))

const memoryRow = ({ devices, shardTokens, attentionBytes, weightBytes, activationBytes, totalBytes, longestContextTokens }: MemoryAnswer): string[] => [
  formatCount(devices), formatCount(shardTokens), formatBytes(attentionBytes), formatBytes(weightBytes), formatBytes(activationBytes),
  formatBytes(totalBytes), ifAny(longestContextTokens, formatCount),
]

const memory = (answers: PlannerAnswers): string => 'memory per device\n' + formatTable(
  [{ header: 'devices' }, { header: 'tokens each' }, { header: 'attention' }, { header: 'weights' }, { header: 'activations' }, { header: 'in all' },
    { header: 'longest context' }],
  answers.memory.map(memoryRow))

/** The planner's answers, for people. */
export const formatAnswers = (answers: PlannerAnswers): string => formatSections([
  verdict(answers), candidates(answers), impossible(answers), links(answers), layouts(answers), memory(answers),
  'assumed\n' + answers.assumptions.map((line) => `  ${line}`).join('\n'),
])

const inUnit = (value: number, unit: PublishedAnswer['unit']): string =>
  (unit === 'tokens' || unit === 'bytes' ? formatCount(Math.round(value)) : significant(value)) + (unit === '' ? '' : unit === 'x' ? 'x' : ` ${unit}`)

/** Below this share of the published figure a difference is that of rounding and fitting. */
const NO_DIFFERENCE = 1e-4

function differenceOf({ difference, published, unit }: PublishedAnswer): string {
  if (Math.abs(difference) < NO_DIFFERENCE * Math.abs(published)) return '0'
  return `${difference > 0 ? '+' : ''}${unit === '%' ? `${significant(difference)} points` : inUnit(difference, unit)}`
}

const publishedRow = (answer: PublishedAnswer): string[] => [
  `  ${answer.what}`, inUnit(answer.published, answer.unit), inUnit(answer.ours, answer.unit), differenceOf(answer), answer.kind,
  answer.role === 'calibration' ? 'fitted' : '', answer.reference,
]

/** Published figures beside ours, source by source. */
export function formatPublished(answers: readonly PublishedAnswer[]): string {
  const sources = [...new Set(answers.map(({ source }) => source))]
  const rows = sources.flatMap((source) => [[source, '', '', '', '', '', ''], ...answers.filter((answer) => answer.source === source).map(publishedRow)])
  const notes = sources.map((source) => {
    const said = new Set(answers.filter((answer) => answer.source === source && answer.note !== '').map(({ note }) => note))
    return said.size === 0 ? null : `${source}\n${[...said].map((note) => `  ${note}`).join('\n')}`
  })
  return formatSections([
    formatTable([{ header: 'what', align: 'left' }, { header: 'published' }, { header: 'ours' }, { header: 'difference' }, { header: 'kind', align: 'left' },
      { header: 'fit', align: 'left' }, { header: 'reference', align: 'left' }], rows),
    'measured: theirs; formula: their arithmetic; claim: of a source document that departs from the paper\n' +
    'fitted: the figure was used to fit the machine, so that it agrees is no evidence',
    ...notes,
  ])
}

/** The ids that `--accelerator`, `--link` and `--model` take. */
export const formatTables = ({ accelerators, links: all, models, thisMachine }: PlannerTables): string => formatSections([
  formatTable([{ header: 'accelerator', align: 'left' }, { header: '', align: 'left' }, { header: 'TFLOP/s' }, { header: 'attention forward' }, { header: 'backward' },
    { header: 'memory' }, { header: 'source', align: 'left' }],
  accelerators.map(({ id, label, peakTflops, forwardEfficiency, backwardEfficiency, memoryGB, source }) =>
    [id, label, significant(peakTflops), formatShare(forwardEfficiency), formatShare(backwardEfficiency), `${memoryGB} GB`, source])),
  thisMachine === null ? null : `this-machine  ${thisMachine.label}`,
  formatTable([{ header: 'link', align: 'left' }, { header: '', align: 'left' }, { header: 'GB/s' }, { header: 'µs' }, { header: 'source', align: 'left' }],
    all.map(({ id, label, bandwidthGBps, latencyUs, source }) => [id, label, significant(bandwidthGBps), significant(latencyUs), source])),
  formatTable([{ header: 'model', align: 'left' }, { header: '', align: 'left' }, { header: 'layers' }, { header: 'hidden' }, { header: 'heads' }, { header: 'key heads' },
    { header: 'sharded over' }],
  models.map(({ id, sizes }) => [id, sizes.label, `${sizes.layers}`, formatCount(sizes.hidden), `${sizes.heads}`, `${sizes.kvHeads}`, `${sizes.weightShards}`])),
])
