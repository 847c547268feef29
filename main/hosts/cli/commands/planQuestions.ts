import type { RunConfig } from '../../../../kernels/config/runConfig.ts'
import { clusterOf } from '../../../../preload/contract/clusterOf.ts'
import type { ModelSizes, PlannerAnswers, PlannerTables } from '../../../../preload/contract/planner.ts'
import { type ClusterModel, type LinkModel, linkModel } from '../../../../preload/contract/simulation.ts'
import { publishedAnswers } from '../../../planner/published/published.ts'
import { answerQuestions } from '../../../planner/questions/answerQuestions.ts'
import { plannerTables } from '../../../planner/tables/tables.ts'
import { thisMachineCluster } from '../../../planner/tables/thisMachine.ts'
import { readRates } from '../../../rates/measureRates.ts'
import { type CliContext, writeResult } from '../context.ts'
import { UsageError } from '../errors.ts'
import { formatPublished, formatTables } from '../format/plannerReport.ts'

/** What `plan` is asked beside the plan itself. */
export interface QuestionOptions {
  /** Ids of the tables; a link may be "GB/s,µs" instead. */
  readonly accelerator?: string
  readonly link?: string
  readonly nodesOf?: number
  readonly interLink?: string
  readonly model?: string
  readonly published: boolean
  readonly tables: boolean
  readonly json: boolean
}

/** Names what was measured of this machine where an accelerator is asked for. */
const THIS_MACHINE = 'this-machine'

function entryOf<T extends { readonly id: string }>(entries: readonly T[], id: string, option: string, others: readonly string[] = []): T {
  const found = entries.find((entry) => entry.id === id)
  if (found !== undefined) return found
  throw new UsageError(`${option} ${id}: there is no such id; there are ${[...entries.map((entry) => entry.id), ...others].join(', ')} ` +
    '("ringscope plan --tables" says what they are)')
}

/** An id of the table, or "25,12" for GB/s and µs: what holds a comma or begins like a number is meant as that. */
function linkOf({ links }: PlannerTables, text: string, option: string): LinkModel & { readonly label: string } {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length === 1 && !/^[-+.\d]/.test(text)) return entryOf(links, text, option, ['"GB/s,µs" such as 25,12'])
  const [bandwidthGBps, latencyUs] = parts.map((part) => (part === '' ? Number.NaN : Number(part)))
  const given = linkModel.safeParse({ bandwidthGBps, latencyUs })
  if (parts.length !== 2 || !given.success) {
    throw new UsageError(`${option} ${text}: expected GB/s above 0 and µs from 0 on, neither above 1e12, as in 25,12; or an id of "ringscope plan --tables"`)
  }
  return { ...given.data, label: `${bandwidthGBps} GB/s, ${latencyUs} µs` }
}

/** What names a cluster. */
export type ClusterQuestion = Pick<QuestionOptions, 'accelerator' | 'link' | 'nodesOf' | 'interLink'>

/** @throws UsageError for ids that are not in the tables, and options that need others. */
export function clusterAsked(options: ClusterQuestion, tables: PlannerTables, headDim: number): ClusterModel {
  const { accelerator, link, nodesOf, interLink } = options
  if (accelerator === undefined) throw new UsageError('--link, --nodes-of, --inter-link and --model need --accelerator: which device computes?')
  if ((nodesOf === undefined) !== (interLink === undefined)) {
    throw new UsageError('--nodes-of and --inter-link belong together: how many ranks a node has, and the link between nodes')
  }
  if (accelerator === THIS_MACHINE) {
    if (tables.thisMachine === null) {
      throw new UsageError(`--accelerator ${THIS_MACHINE}: what it reaches was not measured yet; "ringscope doctor --rates --config <config>" does`)
    }
    if (link !== undefined || interLink !== undefined) throw new UsageError(`--accelerator ${THIS_MACHINE} has its measured link: leave --link and --inter-link out`)
    return tables.thisMachine
  }
  const device = entryOf(tables.accelerators, accelerator, '--accelerator', tables.thisMachine === null ? [] : [THIS_MACHINE])
  if (link === undefined) throw new UsageError('--accelerator needs --link: an id of the tables, or "GB/s,µs" such as 25,12')
  return clusterOf({
    accelerator: device, headDim, link: linkOf(tables, link, '--link'),
    nodes: nodesOf === undefined || interLink === undefined ? null : { ranksPerNode: nodesOf, link: linkOf(tables, interLink, '--inter-link') },
  })
}

const modelAsked = ({ model }: QuestionOptions, { models }: PlannerTables): ModelSizes | null =>
  (model === undefined ? null : entryOf(models, model, '--model').sizes)

/** The tables with what was measured of this machine. */
export async function tablesHere({ installation }: CliContext): Promise<PlannerTables> {
  return plannerTables(thisMachineCluster((await readRates(installation)).rates))
}

const asksNothing = ({ accelerator, link, nodesOf, interLink, model }: QuestionOptions): boolean =>
  [accelerator, link, nodesOf, interLink, model].every((option) => option === undefined)

/**
 * The planner's answers for a config on the cluster that the options name; null where they name none.
 * @throws UsageError for ids that are not in the tables, and options that need others.
 */
export async function answersAsked(config: RunConfig, options: QuestionOptions, context: CliContext): Promise<PlannerAnswers | null> {
  if (asksNothing(options)) return null
  const tables = await tablesHere(context)
  const cluster = clusterAsked(options, tables, config.headDim)
  return answerQuestions({ config, cluster, model: modelAsked(options, tables) }, 'the planner\'s question')
}

/**
 * `plan --published` and `plan --tables`, which need no config. @returns whether the options asked for either.
 * @param others what was given beside them, in the words of the command line.
 * @throws UsageError where more was asked than one of them: nothing that was asked is passed over in silence.
 */
export async function planReference(options: QuestionOptions, others: readonly string[], context: CliContext): Promise<boolean> {
  const { published, tables, json } = options
  if (published && tables) throw new UsageError('--published and --tables print one or the other: ask for them one by one')
  if (published || tables) {
    const beside = [...others, ...(asksNothing(options) ? [] : ['questions about a cluster'])]
    if (beside.length > 0) throw new UsageError(`${published ? '--published' : '--tables'} goes alone or with --json: leave out ${beside.join(' and ')}`)
  }
  if (published) {
    const answers = publishedAnswers()
    await writeResult(context, json, { published: answers }, () => formatPublished(answers))
  } else if (tables) {
    const all = await tablesHere(context)
    await writeResult(context, json, all, () => formatTables(all))
  }
  return published || tables
}
