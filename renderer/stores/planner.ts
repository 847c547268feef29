import { useDebounceFn } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { Problem } from '../../preload/contract/config.ts'
import type { BridgeError } from '../../preload/contract/envelope.ts'
import type { CandidateAnswer, PlannerAnswers, PlannerTables, PublishedAnswer } from '../../preload/contract/planner.ts'
import type { RouteInput } from '../../preload/contract/routes.ts'
import { useBridge } from '../bridge/current.ts'
import { download } from '../format/download.ts'
import { configOf, draftOf, sortProblems, type Draft } from './configForm.ts'
import { useConfigs } from './configs.ts'
import { useNotices } from './notices.ts'
import { ARRANGEMENT_PATHS, PROBLEM_PATHS } from './plannerFields.ts'
import {
  CUSTOM, EMPTY_DRAFT, firstDraft, problemOf, readCluster, readModel, readTroubles, THIS_MACHINE, withAccelerator, withField, withLink, withModel,
  type PlannerDraft,
} from './plannerForm.ts'
import { useShell } from './shell.ts'
import { useTimelines } from './timelines.ts'

const ASK_DELAY_MS = 300

const integerOr = (value: unknown, otherwise: number): number => (typeof value === 'number' && Number.isInteger(value) ? value : otherwise)

/** The planner's form, the question that it makes, and the newest answers. */
export const usePlanner = defineStore('planner', () => {
  const configs = useConfigs()
  const notices = useNotices()
  const timelines = useTimelines()
  const tables = shallowRef<PlannerTables | null>(null)
  const published = shallowRef<readonly PublishedAnswer[] | null>(null)
  const loadError = shallowRef<BridgeError | null>(null)
  const publishedError = shallowRef<BridgeError | null>(null)
  const measuring = ref(false)
  /** What the user changed of the config for the question alone. */
  const overrides = shallowRef<Draft>({})
  const draft = shallowRef<PlannerDraft>(EMPTY_DRAFT)
  const answers = shallowRef<PlannerAnswers | null>(null)
  /** The question that the answers are of. */
  const answered = shallowRef<{ readonly key: string; readonly world: number; readonly model: string | null } | null>(null)
  const asking = ref(false)
  const error = shallowRef<BridgeError | null>(null)
  /** The arrangement that is being simulated or packed. */
  const busyWith = ref<string | null>(null)
  let askNumber = 0

  const problemDraft = computed((): Draft => ({ ...configs.draft, ...overrides.value }))
  const problem = computed(() => problemOf(configOf(configs.fields, problemDraft.value)))
  const world = computed(() => integerOr(problem.value.world, 1))
  const headDim = computed(() => integerOr(problem.value.headDim, 128))
  const cluster = computed(() => (tables.value === null ? null : readCluster(draft.value, tables.value, world.value)))
  const model = computed(() => (tables.value === null ? null : readModel(draft.value, tables.value)))
  const troubles = computed(() => readTroubles(draft.value, world.value))

  /** Null while anything is missing or wrong in the form. */
  const question = computed((): RouteInput<'planner.ask'> | null => {
    if (configs.fields.length === 0 || cluster.value?.value == null || model.value === null || model.value.problems.length > 0) return null
    return { config: problem.value, cluster: cluster.value.value, model: model.value.value }
  })
  const key = computed(() => (question.value === null ? null : JSON.stringify(question.value)))
  /** True where the answers on the screen are of another question than the form's. */
  const stale = computed(() => answers.value !== null && answered.value?.key !== key.value)

  /** Of the inputs of the form, and of the config as the other side judged it. */
  const problems = computed((): readonly Problem[] => [
    ...cluster.value?.problems ?? [], ...model.value?.problems ?? [], ...troubles.value.problems, ...error.value?.problems ?? [],
  ])
  const problemsOf = (path: string): readonly Problem[] => problems.value.filter((entry) => entry.path === path)
  /** Problems of the config that belong to no input of this form. */
  const otherProblems = computed(() => {
    const shown = configs.fields.filter(({ path }) => PROBLEM_PATHS.includes(path))
    const { elsewhere } = sortProblems(shown, error.value?.problems ?? [])
    return elsewhere
  })

  // A question of another config begins with that config.
  watch(() => configs.selectedId, () => {
    overrides.value = {}
  })
  watch(headDim, (length) => {
    if (tables.value !== null && draft.value.accelerator !== CUSTOM && draft.value.accelerator !== THIS_MACHINE) {
      draft.value = withAccelerator(draft.value, tables.value, draft.value.accelerator, length)
    }
  })

  async function readPublished(): Promise<void> {
    const answer = await useBridge().request('planner.published', {})
    publishedError.value = answer.ok ? null : answer.error
    if (answer.ok) published.value = answer.data
  }

  async function readTables(): Promise<void> {
    const answer = await useBridge().request('planner.tables', {})
    loadError.value = answer.ok ? null : answer.error
    if (!answer.ok) return
    const first = tables.value === null
    tables.value = answer.data
    if (first) draft.value = firstDraft(answer.data, headDim.value)
  }

  /** Reads what the form offers, again since this machine may have been measured meanwhile, and once what was published. */
  async function load(): Promise<void> {
    await Promise.all([readTables(), published.value === null ? readPublished() : Promise.resolve()])
  }

  async function ask(): Promise<void> {
    if (question.value === null || key.value === null || key.value === answered.value?.key) return
    const number = ++askNumber
    const asked = { key: key.value, world: world.value, model: model.value?.value?.label ?? null }
    asking.value = true
    const answer = await useBridge().request('planner.ask', question.value)
    // Of two answers under way the later question's counts, whichever comes first.
    if (number !== askNumber) return
    asking.value = false
    error.value = answer.ok ? null : answer.error
    if (!answer.ok) return
    answers.value = answer.data
    answered.value = asked
  }
  const askDebounced = useDebounceFn(ask, ASK_DELAY_MS)

  /** To be called whenever the question changed: asks it when the user pauses, and forgets what was asked before. */
  function askSoon(): void {
    askNumber++
    error.value = null
    asking.value = question.value !== null && key.value !== answered.value?.key
    if (asking.value) void askDebounced()
  }

  /** After a failure. */
  async function askAgain(): Promise<void> {
    error.value = null
    await load()
    await ask()
  }

  function setProblem(changes: Draft): void {
    overrides.value = { ...overrides.value, ...changes }
  }
  function resetProblem(): void {
    overrides.value = {}
  }
  function setField(path: string, typed: string): void {
    draft.value = withField(draft.value, path, typed)
  }
  function choose(what: 'accelerator' | 'intra' | 'inter' | 'model', id: string): void {
    if (tables.value === null) return
    if (what === 'accelerator') draft.value = withAccelerator(draft.value, tables.value, id, headDim.value)
    else if (what === 'model') draft.value = withModel(draft.value, tables.value, id)
    else draft.value = withLink(draft.value, tables.value, what, id)
  }
  /** Takes the heads of the chosen model for the problem. */
  function useModelHeads(): void {
    const sizes = model.value?.value
    if (sizes != null) setProblem({ heads: String(sizes.heads), kvHeads: String(sizes.kvHeads), headDim: String(sizes.headDim) })
  }

  /** Measures this machine and plans with it. */
  async function measure(): Promise<void> {
    measuring.value = true
    const answer = await notices.ask('Measure this machine', 'machine.rates', { measure: true })
    if (answer.ok) await readTables()
    measuring.value = false
    if (!answer.ok) return
    if (tables.value?.thisMachine != null) choose('accelerator', THIS_MACHINE)
    else notices.report('Plan with this machine', { message: 'The machine was measured, but no attention block of a config yet, so there is no rate to plan with. A sweep of shard lengths measures one, and so does "ringscope doctor --rates --config <file>".' })
  }

  /** The config of an arrangement under a name that says which it is: the problem's own name is of another. */
  const named = ({ label, config }: CandidateAnswer): CandidateAnswer['config'] => ({ ...config, name: `${config.world} ranks, ${label}` })

  /** Puts an arrangement into the Run form, whose link, backend and measurement stay as they are. */
  function takeConfig(candidate: CandidateAnswer): void {
    const taken = draftOf(configs.fields, named(candidate))
    const paths = ['name', ...PROBLEM_PATHS, ...ARRANGEMENT_PATHS].filter((path) => path in taken)
    configs.setFields(Object.fromEntries(paths.map((path) => [path, taken[path]])))
    overrides.value = {}
    useShell().show('run')
  }

  /** Simulates an arrangement on the cluster that it was answered for, and shows its timeline. */
  async function simulate(candidate: CandidateAnswer): Promise<void> {
    const troubled = troubles.value.value
    if (answers.value === null || troubled === null) return
    busyWith.value = candidate.label
    const answer = await notices.ask(`Simulate ${candidate.label}`, 'simulation.open', {
      config: { ...named(candidate), stragglers: troubled.stragglers }, cluster: answers.value.cluster, disturbance: troubled.disturbance,
    })
    if (answer.ok) {
      const { timelineId } = answer.data
      if (!timelines.summaries.has(timelineId)) await timelines.load()
      timelines.select(timelineId)
      useShell().show('timeline')
    }
    busyWith.value = null
  }

  /** Downloads the folder that runs an arrangement on a GPU cluster. */
  async function saveFolder(candidate: CandidateAnswer): Promise<void> {
    busyWith.value = candidate.label
    const answer = await notices.ask(`Write the cluster folder of ${candidate.label}`, 'cluster.export', { config: named(candidate) })
    if (answer.ok) download(answer.data.fileName, new Blob([new Uint8Array(answer.data.bytes)]))
    busyWith.value = null
  }

  return {
    tables, published, loadError, publishedError, measuring, overrides, draft, answers, answered, asking, error, busyWith,
    problemDraft, problem, world, cluster, model, troubles, question, key, stale, problems, problemsOf, otherProblems,
    load, askSoon, askAgain, setProblem, resetProblem, setField, choose, useModelHeads, measure, takeConfig, simulate, saveFolder,
  }
})
