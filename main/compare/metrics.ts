import type { StepCell, TraceRankFigures } from '../../preload/contract/analysis.ts'
import type { MetricRow } from '../../preload/contract/compare.ts'
import { idleFractionOf, overlapRatioOf, sumOf } from '../analysis/ringFigures.ts'
import type { RankMeasure, TimelineMeasure, WindowMeasure } from './measure.ts'

const NS_PER_MS = 1e6
const US_PER_MS = 1000
const PERCENT = 100

/** How a figure is taken from one window, from one rank of it, and from one ring step. */
export interface Metric extends Pick<MetricRow, 'id' | 'label' | 'unit' | 'better' | 'definition'> {
  readonly of: (window: WindowMeasure) => number | null
  /** Null where it is of no single rank. */
  readonly ofRank: ((rank: RankMeasure) => number | null) | null
  /** Null where steps do not say. In the metric's unit. */
  readonly ofStep: ((cell: StepCell) => number) | null
  /** Whether all ranks' cells of a step are parts, or only that of the rank which takes longest in it: others wait for that one. */
  readonly slowestOfStep?: boolean
}

/** Mean over the ranks; null where any of them lacks it. */
function meanOf(ranks: readonly RankMeasure[], figure: (rank: RankMeasure) => number | null): number | null {
  const values = ranks.flatMap((rank) => figure(rank) ?? [])
  return values.length === 0 || values.length < ranks.length ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

type TimeOf = (rank: RankMeasure) => number | null

function time(id: string, label: string, definition: string, better: MetricRow['better'], timeNs: TimeOf, ofStep: Metric['ofStep'] = null): Metric {
  const ofRank = (rank: RankMeasure): number | null => {
    const ns = timeNs(rank)
    return ns === null ? null : ns / NS_PER_MS
  }
  return { id, label, unit: 'ms', better, definition: `${definition}. Mean over the ranks`, of: ({ ranks }) => meanOf(ranks, ofRank), ofRank, ofStep }
}

const stepMs = (us: (cell: StepCell) => number) => (cell: StepCell): number => us(cell) / US_PER_MS
const percent = (share: number | null): number | null => (share === null ? null : share * PERCENT)

type Hta = NonNullable<TraceRankFigures['hta']>
const hta = (id: string, label: string, definition: string, better: MetricRow['better'], us: (figures: Hta) => number): Metric =>
  time(id, label, `${definition}, by HolisticTraceAnalysis' patterns`, better, (rank) => (rank.hta === null ? null : us(rank.hta) * 1000))

const MAKESPAN: Metric = {
  id: 'makespan', label: 'Makespan', unit: 'ms', better: 'lower',
  definition: "Length of a window: a measured iteration, a profiler's step, a pass of the ring, or the whole trace; of the rank whose window is longest",
  of: ({ ranks }) => (ranks.length === 0 ? null : Math.max(...ranks.map(({ windowNs }) => windowNs)) / NS_PER_MS),
  // Ranks of a run share its windows: what one of them does shows in its steps.
  ofRank: null, ofStep: stepMs(({ computeUs, exposedUs }) => computeUs + exposedUs), slowestOfStep: true,
}

/** Those that every comparison asks for; one that no source has is left out of it. */
export const METRICS: readonly Metric[] = [
  MAKESPAN,
  time('compute', 'Compute', 'U(compute): attention and other arithmetic', 'lower', ({ computeNs }) => computeNs, stepMs(({ computeUs }) => computeUs)),
  time('comm', 'Communication', 'U(comm): bytes under way in our own runs; communication kernels as recorded, their waiting included, in GPU traces', 'lower', ({ commNs }) => commNs),
  time('overlap', 'Overlap', 'U(comm) ∩ U(compute)', null, ({ overlapNs }) => overlapNs),
  {
    id: 'overlapRatio', label: 'Overlap ratio', unit: '%', better: 'higher', definition: 'Overlap / U(comm), over all ranks',
    of: ({ ranks }) => percent(overlapRatioOf(ranks)), ofRank: (rank) => percent(overlapRatioOf([rank])), ofStep: null,
  },
  time('exposed', 'Exposed communication', 'U(comm) \\ U(compute)', 'lower', ({ exposedNs }) => exposedNs, stepMs(({ exposedUs }) => exposedUs)),
  time('waitPeer', 'Waiting for a late peer', 'Time in which nothing is computed because a peer has not begun to send', 'lower',
    ({ waitPeerNs }) => waitPeerNs, stepMs(({ waitPeerUs }) => waitPeerUs)),
  time('waitLink', 'Waiting for the wire', 'Time in which nothing is computed because bytes are under way', 'lower',
    ({ waitLinkNs }) => waitLinkNs, stepMs(({ waitLinkUs }) => waitLinkUs)),
  time('transfer', 'Transfer', 'Bytes under way: U(send ∪ recv) of a run, the transfer parts of all communication kernels of a trace', 'lower',
    ({ transferNs }) => transferNs, stepMs(({ transferUs }) => transferUs)),
  time('kernelWait', 'Waiting inside kernels', 'The waiting parts of all communication kernels, beside compute or not', 'lower', ({ kernelWaitNs }) => kernelWaitNs),
  time('idle', 'Idle', 'Window - U(compute)', 'lower', ({ windowNs, computeNs }) => windowNs - computeNs),
  {
    id: 'idleFraction', label: 'Idle fraction', unit: '%', better: 'lower', definition: '1 - Σ U(compute) / Σ windows, over all ranks',
    of: ({ ranks }) => (ranks.length === 0 ? null : percent(idleFractionOf(ranks))), ofRank: (rank) => percent(idleFractionOf([rank])), ofStep: null,
  },
  time('deviceIdle', 'Device idle', 'Nothing ran on the device: window - U(all device spans)', 'lower', ({ deviceIdleNs }) => deviceIdleNs),
  time('memory', 'Memory copies', 'U(copies): between host and device in a run, memory kernels in a trace', 'lower', ({ memoryNs }) => memoryNs),
  {
    id: 'imbalance', label: 'Imbalance of compute', unit: '%', better: 'lower', definition: '(most - least U(compute) of a rank) / most',
    of: ({ ranks }) => {
      const compute = ranks.map(({ computeNs }) => computeNs)
      const most = Math.max(0, ...compute)
      return ranks.length < 2 || most === 0 ? null : percent((most - Math.min(...compute)) / most)
    },
    ofRank: null, ofStep: null,
  },
  {
    id: 'gflops', label: 'Achieved rate', unit: 'GFLOP/s', better: 'higher', definition: 'Floating point operations / U(compute), over all ranks',
    of: ({ ranks }) => {
      const computeNs = sumOf(ranks, (rank) => rank.computeNs)
      return computeNs === 0 || ranks.some(({ flops }) => flops === null) ? null : sumOf(ranks, ({ flops }) => flops ?? 0) / computeNs
    },
    ofRank: ({ flops, computeNs }) => (flops === null || computeNs === 0 ? null : flops / computeNs), ofStep: null,
  },
  {
    id: 'bytes', label: 'Bytes sent', unit: 'bytes', better: 'lower', definition: 'Bytes that a rank sends in a run; bytes of its communication kernels, as their args say, in a trace. Mean over the ranks',
    of: ({ ranks }) => meanOf(ranks, ({ bytes }) => bytes), ofRank: ({ bytes }) => bytes, ofStep: null,
  },
  {
    id: 'hops', label: 'Hops', unit: '', better: 'lower', definition: 'K/V transfers of a forward pass in a run; point-to-point kernels of a rank in a trace',
    of: ({ hops }) => hops, ofRank: null, ofStep: null,
  },
  hta('htaCompute', 'HTA compute', 'U(computation)', 'lower', ({ computeUs }) => computeUs),
  hta('htaComm', 'HTA communication', 'U(communication)', 'lower', ({ commUs }) => commUs),
  hta('htaIdle', 'HTA idle', 'Window - U(all kernels)', 'lower', ({ idleUs }) => idleUs),
  {
    id: 'htaOverlap', label: 'HTA overlap', unit: '%', better: 'higher', definition: "U(communication) ∩ U(computation) / U(communication), by HolisticTraceAnalysis' patterns",
    of: ({ ranks }) => {
      const figures = ranks.flatMap((rank) => rank.hta ?? [])
      return figures.length === 0 ? null : percent(overlapRatioOf(figures.map(({ overlapUs, commUs }) => ({ overlapNs: overlapUs, commNs: commUs }))))
    },
    ofRank: (rank) => percent(rank.hta?.overlapRatio ?? null), ofStep: null,
  },
]

/** @throws TypeError for one that is not in {@link METRICS}. */
export function metricOf(id: string): Metric {
  const found = METRICS.find((each) => each.id === id)
  if (found === undefined) throw new TypeError(`no metric "${id}"`)
  return found
}

/** "matrix multiply" as part of a metric's id: "matrix-multiply". */
const slug = (name: string): string => name.toLowerCase().replaceAll(/[^a-z\d]+/g, '-').replaceAll(/^-|-$/g, '')

function summed(prefix: string, name: string, what: string, totalMs: (window: WindowMeasure) => Readonly<Record<string, number>>): Metric {
  return {
    id: `${prefix}.${slug(name)}`, label: name, unit: 'ms', better: 'lower', definition: `Summed durations of spans of the ${what} "${name}". Mean over the ranks`,
    of: (window) => (window.ranks.length === 0 ? null : (totalMs(window)[name] ?? 0) / window.ranks.length), ofRank: null, ofStep: null,
  }
}

/** All metrics of these timelines: those above, then one a span category and one a kind of kernel that any of them has. */
export function metricsOf(measures: readonly TimelineMeasure[]): Metric[] {
  const windows = measures.flatMap((measure) => measure.windows)
  const names = (record: (window: WindowMeasure) => Readonly<Record<string, number>>): string[] => {
    const totals = new Map<string, number>()
    for (const [name, ms] of windows.flatMap((window) => Object.entries(record(window)))) totals.set(name, (totals.get(name) ?? 0) + ms)
    return [...totals].sort(([, a], [, b]) => b - a).map(([name]) => name)
  }
  return [
    ...METRICS,
    ...names(({ categoryMs }) => categoryMs).map((name) => summed('category', name, 'category', ({ categoryMs }) => categoryMs)),
    ...names(({ kindMs }) => kindMs).map((name) => summed('kind', name, 'kind', ({ kindMs }) => kindMs)),
  ]
}
