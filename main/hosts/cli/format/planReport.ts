import type { Plan, StepPass } from '../../../../kernels/plan/plan.ts'
import { StepFacts } from '../../../../kernels/plan/stepObjects.ts'
import type { PlanReport } from '../../../../preload/contract/plan.ts'
import { describeTransfer } from '../../../../preload/contract/traffic.ts'
import { describeConfig } from './configLines.ts'
import { formatSections, formatTable } from './table.ts'
import { formatBytes, formatCount, formatGflops, formatMs, formatShare, NONE, significant } from './units.ts'

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

/** A dash where tiles were not counted. */
function tiled(report: PlanReport, figure: (tiles: NonNullable<PlanReport['tileQuantised']>) => string): string {
  return report.tileQuantised === null ? NONE : figure(report.tileQuantised)
}

function theory(report: PlanReport): string {
  const { plan, simulated, memory } = report
  const { blockQ, blockK } = report.config
  return formatTable([{ header: '', align: 'left' }, { header: 'exact' }, { header: `in tiles of ${blockQ} x ${blockK}` }, { header: 'simulated' }], [
    ['makespan', `${formatCount(report.makespanPairs)} pairs`, tiled(report, ({ makespanPairs }) => `${formatCount(makespanPairs)} pairs`), formatMs(simulated.makespanMs)],
    ['idle fraction', formatShare(report.idleFraction), tiled(report, ({ idleFraction }) => formatShare(idleFraction)), formatShare(simulated.idleFraction)],
    ['speed-up over contiguous', significant(report.speedupOverContiguous), tiled(report, ({ speedupOverContiguous }) => significant(speedupOverContiguous)), NONE],
    ['pairs in all', formatCount(report.totalPairs), tiled(report, ({ totalPairs }) => formatCount(totalPairs)), NONE],
    ['overlap ratio', NONE, NONE, formatShare(simulated.overlapRatio)],
    ['tokens per rank', formatCount(plan.shardTokens), NONE, NONE],
    ['memory per rank', formatBytes(memory.bytesPerRank), NONE, NONE],
    ['  by the formula', formatBytes(memory.formulaBytes), NONE, NONE],
  ])
}

function traffic({ plan }: PlanReport): string | null {
  if (plan.traffic.length === 0) return null
  return 'what travels, per rank and iteration\n' + formatTable(
    [{ header: 'pass', align: 'left' }, { header: 'what', align: 'left' }, { header: 'hops' }, { header: 'bytes per hop' }],
    plan.traffic.map((kind) => [kind.pass, describeTransfer(kind), formatCount(kind.hops), formatBytes(kind.bytesPerHop)]))
}

/** What a step computes: "full", or "full for rank 5" where the queries are another rank's. */
const stepName = (rank: number, { stage, kind, queryOwner }: StepFacts): string =>
  stage === 'exchange' ? 'all-to-all' : queryOwner >= 0 && queryOwner !== rank ? `${kind} for rank ${queryOwner}` : kind

function ranks(report: PlanReport, plan: Plan): string {
  const facts = new StepFacts(plan)
  const stepsOf = (rank: number): { readonly forward: string; readonly backward: string } => {
    const names: Record<StepPass, string[]> = { forward: [], backward: [] }
    for (let step = 0; step < plan.stepCount; step++) {
      facts.read(rank, step)
      names[facts.pass].push(stepName(rank, facts))
    }
    return { forward: describeSteps(names.forward), backward: describeSteps(names.backward) }
  }
  const both = report.config.pass === 'forward-backward'
  return formatTable(
    [{ header: 'rank' }, { header: 'pairs' }, { header: 'busy' }, { header: both ? 'forward' : 'steps', align: 'left' },
      ...(both ? [{ header: 'backward', align: 'left' } as const] : [])],
    plan.ranks.map(({ rank, pairs }) => {
      const { forward, backward } = stepsOf(rank)
      return [
        `${rank}`, formatCount(pairs), formatShare(report.makespanPairs === 0 ? null : pairs / report.makespanPairs), forward, ...(both ? [backward] : []),
      ]
    }))
}

/** From how long a shard hops hide; nothing where no block travels beside compute, as an all-to-all never does. */
function hiding({ hideCondition, plan }: PlanReport): string | null {
  if (!plan.traffic.some(({ payload }) => payload === 'kv')) return null
  const tokens = (count: number): string => `${formatCount(count)} ${count === 1 ? 'token' : 'tokens'} per rank`
  const backward = hideCondition.backwardMinShardTokens === null
    ? ''
    : `, K/V and gradient behind a backward step's from ${tokens(hideCondition.backwardMinShardTokens)}`
  return `a hop hides behind a step's compute from ${tokens(hideCondition.minShardTokens)}${backward}\n` +
    `at ${formatGflops(hideCondition.gflopsPerRank)} a rank, ${significant(hideCondition.bandwidthGBps)} GB/s and ` +
    `${significant(hideCondition.latencyUs)} µs\n${hideCondition.basis}`
}

/**
 * What a config would do, for people. Nothing was run.
 * @param report needs no steps. @param plan of its config.
 */
export function formatPlanReport(report: PlanReport, plan: Plan): string {
  const padding = report.plan.paddedSeqLen - report.config.seqLen
  return formatSections([
    describeConfig(report.config),
    padding === 0 ? null : `padded by ${formatCount(padding)} tokens to ${formatCount(report.plan.paddedSeqLen)}`,
    theory(report),
    traffic(report),
    ranks(report, plan),
    hiding(report),
  ])
}
