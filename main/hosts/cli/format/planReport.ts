import type { PlanReport } from '../../../../preload/contract/plan.ts'
import { describeConfig } from './runReport.ts'
import { formatSections, formatTable } from './table.ts'
import { formatBytes, formatCount, formatGflops, formatMs, formatShare, significant } from './units.ts'

/** "diagonal, full x3, skip x4" */
export function describeSteps(kinds: readonly string[]): string {
  const runs: { kind: string; count: number }[] = []
  for (const kind of kinds) {
    const last = runs.at(-1)
    if (last?.kind === kind) last.count++
    else runs.push({ kind, count: 1 })
  }
  return runs.map(({ kind, count }) => (count === 1 ? kind : `${kind} x${count}`)).join(', ')
}

function theory(report: PlanReport): string {
  const { plan, simulated } = report
  return formatTable([{ header: '', align: 'left' }, { header: 'theory' }, { header: 'simulated' }], [
    ['makespan', `${formatCount(report.makespanPairs)} pairs`, formatMs(simulated.makespanMs)],
    ['idle fraction', formatShare(report.idleFraction), formatShare(simulated.idleFraction)],
    ['overlap ratio', '-', formatShare(simulated.overlapRatio)],
    ['speed-up over contiguous', significant(report.speedupOverContiguous), '-'],
    ['tokens per rank', formatCount(plan.shardTokens), '-'],
    ['hops per rank', formatCount(plan.hops), '-'],
    ['bytes per hop', formatBytes(plan.bytesPerHop), '-'],
    ['pairs in all', formatCount(report.totalPairs), '-'],
  ])
}

function ranks(report: PlanReport): string {
  return formatTable(
    [{ header: 'rank' }, { header: 'pairs' }, { header: 'busy' }, { header: 'steps', align: 'left' }],
    report.plan.ranks.map((rank) => [
      `${rank.rank}`, formatCount(rank.pairs), formatShare(rank.pairs / report.makespanPairs),
      describeSteps(rank.steps.map((step) => step.kind)),
    ]))
}

function hiding({ hideCondition }: PlanReport): string {
  return `a hop hides behind a step's compute from ${formatCount(hideCondition.minShardTokens)} tokens per rank, with ` +
    `${formatGflops(hideCondition.gflopsPerRank)} a rank, ${significant(hideCondition.bandwidthGBps)} GB/s and ` +
    `${significant(hideCondition.latencyUs)} µs (${hideCondition.basis})`
}

/** What a config would do, for people. Nothing was run. */
export function formatPlanReport(report: PlanReport): string {
  const padding = report.plan.paddedSeqLen - report.config.seqLen
  return formatSections([
    describeConfig(report.config),
    padding === 0 ? null : `padded by ${formatCount(padding)} tokens to ${formatCount(report.plan.paddedSeqLen)}`,
    theory(report),
    ranks(report),
    hiding(report),
  ])
}
