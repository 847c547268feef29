import { z } from 'zod'
import type { TimelineAnalysis } from './analysis.ts'
import type { Comparison } from './compare.ts'
import type { ConfigEntry, ConfigField, Problem } from './config.ts'
import type { DoctorReport } from './machine.ts'
import type { PlanReport } from './plan.ts'
import { plannerQuestion, type PlannerAnswers, type PlannerTables, type PublishedAnswer } from './planner.ts'
import type { MachineRates } from './rates.ts'
import { clusterModel, disturbance } from './simulation.ts'
import type { SearchResult, SelectionStats, SpanDetails, TimelineSummary, Viewport } from './timeline.ts'

const timelineId = z.string().min(1)
/** Names an opening under way, chosen by whoever asks, for its progress and its cancellation. */
const openId = z.string().min(1).max(100)
const lanes = z.array(z.int().min(0)).max(100_000).optional()
const block = z.int().min(1).max(1 << 20)
const repeats = z.int().min(1).max(1000)
const sweepAxis = z.strictObject({ path: z.string().min(1).max(100), values: z.array(z.number()).min(1).max(1000) })

/** Input schemas of every request, parsed at the boundary. A config is checked by its own schema, problem by problem. */
export const ROUTES = {
  'app.info': z.strictObject({}),
  'config.list': z.strictObject({}),
  'config.check': z.strictObject({ config: z.unknown() }),
  'config.save': z.strictObject({ name: z.string().min(1).max(100), config: z.unknown() }),
  'run.start': z.strictObject({ config: z.unknown() }),
  'run.cancel': z.strictObject({ runId: z.string().min(1) }),
  'timeline.list': z.strictObject({}),
  'timeline.viewport': z.strictObject({
    timelineId, startNs: z.number(), endNs: z.number(), pixels: z.int().min(1).max(16_384), lanes,
  }),
  /** Every span whose name or args contain a text. */
  'timeline.search': z.strictObject({ timelineId, text: z.string().min(1).max(1000), limit: z.int().min(1).max(100_000) }),
  'timeline.selection': z.strictObject({ timelineId, startNs: z.number(), endNs: z.number(), lanes }),
  'timeline.span': z.strictObject({ timelineId, spanIndex: z.int().min(0) }),
  'timeline.analysis': z.strictObject({ timelineId }),
  'timeline.close': z.strictObject({ timelineId }),
  /** Shows the host's own dialog, for one file or several; hosts without one refuse. */
  'trace.openDialog': z.strictObject({ openId }),
  /** Files that the user dropped or picked, where the host has no path for them: sent before, each under an upload's id. */
  'trace.openUploads': z.strictObject({ openId, uploadIds: z.array(z.string().min(1)).min(1).max(10_000) }),
  /** Files and folders. Only from a preload, which got the paths from what the user dropped; refused from anywhere else. */
  'trace.openPaths': z.strictObject({ openId, paths: z.array(z.string().min(1)).min(1).max(10_000) }),
  /** Stops an opening under way; what was open before stays. */
  'trace.cancelOpen': z.strictObject({ openId }),
  /** Shows the host's save dialog; hosts without one refuse. */
  'trace.saveDialog': z.strictObject({ timelineId }),
  /** The trace's bytes, for hosts where saving is a download. */
  'trace.export': z.strictObject({ timelineId, gzip: z.boolean() }),
  /** `fresh` measures again what earlier sweeps already know. */
  'sweep.start': z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('tile'), config: z.unknown(), blockQ: z.array(block).min(1), blockK: z.array(block).min(1),
      axes: z.array(sweepAxis).max(4), repeats, fresh: z.boolean(),
    }),
    z.strictObject({ kind: z.literal('ring'), config: z.unknown(), axes: z.array(sweepAxis).min(1).max(4), repeats, fresh: z.boolean() }),
  ]),
  'sweep.pause': z.strictObject({ sweepId: z.string().min(1) }),
  'sweep.resume': z.strictObject({ sweepId: z.string().min(1) }),
  'sweep.cancel': z.strictObject({ sweepId: z.string().min(1) }),
  'machine.doctor': z.strictObject({}),
  /** What was measured of this machine; with `measure` it is measured now, which takes seconds and refuses beside a run. */
  'machine.rates': z.strictObject({ measure: z.boolean() }),
  'planner.tables': z.strictObject({}),
  'planner.ask': plannerQuestion,
  /** Published figures beside ours. */
  'planner.published': z.strictObject({}),
  /** Simulates a config on a cluster; the result is an open timeline like any other. */
  'simulation.open': z.strictObject({ config: z.unknown(), cluster: clusterModel, disturbance }),
  /** The first is the base. */
  'compare.timelines': z.strictObject({ timelineIds: z.array(timelineId).min(2).max(8) }),
  /** A folder that runs the config on a GPU cluster with PyTorch, packed. */
  'cluster.export': z.strictObject({ config: z.unknown() }),
} as const

export type RouteName = keyof typeof ROUTES
export type RouteInput<R extends RouteName> = z.output<(typeof ROUTES)[R]>

export interface AppInfo {
  readonly version: string
  readonly host: 'electron' | 'web'
  readonly platform: string
  readonly userConfigDir: string
}

/** What each request answers. */
export interface RouteOutputs {
  'app.info': AppInfo
  'config.list': { readonly fields: readonly ConfigField[]; readonly configs: readonly ConfigEntry[] }
  /** `plan` is null exactly when there are problems. */
  'config.check': { readonly problems: readonly Problem[]; readonly plan: PlanReport | null }
  'config.save': ConfigEntry
  'run.start': { readonly runId: string; readonly timelineId: string }
  'run.cancel': Record<string, never>
  'timeline.list': readonly TimelineSummary[]
  'timeline.viewport': Viewport
  'timeline.span': SpanDetails
  'timeline.analysis': TimelineAnalysis
  'timeline.close': Record<string, never>
  'timeline.search': SearchResult
  'timeline.selection': SelectionStats
  /** What was opened: the ranks of one job are one timeline, saved runs are one each. Null when the user cancelled the dialog. */
  'trace.openDialog': readonly TimelineSummary[] | null
  'trace.openUploads': readonly TimelineSummary[]
  'trace.openPaths': readonly TimelineSummary[]
  'trace.cancelOpen': Record<string, never>
  'trace.saveDialog': { readonly path: string } | null
  'trace.export': { readonly fileName: string; readonly bytes: Uint8Array }
  'sweep.start': { readonly sweepId: string }
  'sweep.pause': Record<string, never>
  'sweep.resume': Record<string, never>
  'sweep.cancel': Record<string, never>
  'machine.doctor': DoctorReport
  'machine.rates': MachineRates | null
  'planner.tables': PlannerTables
  'planner.ask': PlannerAnswers
  'planner.published': readonly PublishedAnswer[]
  'simulation.open': { readonly timelineId: string }
  'compare.timelines': Comparison
  'cluster.export': { readonly fileName: string; readonly bytes: Uint8Array }
}
