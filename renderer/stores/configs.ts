import { useDebounceFn } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { ConfigEntry, ConfigField, Problem } from '../../preload/contract/config.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { useBridge } from '../bridge/current.ts'
import { configOf, draftOf, sortProblems, type Draft } from './configForm.ts'
import { useNotices } from './notices.ts'

const CHECK_DELAY_MS = 200

/** The list of configs and the one in the form, with what the checker says of it. */
export const useConfigs = defineStore('configs', () => {
  const notices = useNotices()
  const fields = shallowRef<readonly ConfigField[]>([])
  const entries = shallowRef<readonly ConfigEntry[]>([])
  const selectedId = ref<string | null>(null)
  const draft = shallowRef<Draft>({})
  const problems = shallowRef<readonly Problem[]>([])
  const plan = shallowRef<PlanReport | null>(null)
  const edited = ref(false)
  const checking = ref(false)
  let checkNumber = 0

  const selected = computed(() => entries.value.find(({ id }) => id === selectedId.value) ?? null)
  const config = computed(() => configOf(fields.value, draft.value))
  const sortedProblems = computed(() => sortProblems(fields.value, problems.value))
  /** True where the form as it stands was checked and accepted. */
  const ready = computed(() => !checking.value && plan.value !== null && problems.value.length === 0)

  async function check(): Promise<void> {
    const number = ++checkNumber
    checking.value = true
    const answer = await useBridge().request('config.check', { config: config.value })
    if (number !== checkNumber) return
    checking.value = false
    notices.check('Check the config', answer)
    problems.value = answer.ok ? answer.data.problems : []
    plan.value = answer.ok ? answer.data.plan : null
  }
  const checkSoon = useDebounceFn(check, CHECK_DELAY_MS)

  function select(id: string): void {
    selectedId.value = id
    edited.value = false
    const entry = selected.value
    if (entry?.config == null) {
      checkNumber++
      checking.value = false
      problems.value = entry?.problems ?? []
      plan.value = null
      return
    }
    draft.value = draftOf(fields.value, entry.config)
    void check()
  }

  function setFields(changes: Draft): void {
    draft.value = { ...draft.value, ...changes }
    edited.value = true
    checking.value = true
    // The plan on screen belongs to the previous values until the check answers.
    checkNumber++
    void checkSoon()
  }

  async function load(): Promise<void> {
    const answer = await notices.ask('List the configs', 'config.list', {})
    if (!answer.ok) return
    fields.value = answer.data.fields
    entries.value = answer.data.configs
    if (selected.value === null) {
      // What a newcomer should try first comes first.
      const first = entries.value.find((entry) => entry.config !== null) ?? entries.value.at(0)
      if (first !== undefined) select(first.id)
    }
  }

  /** @returns whether it was saved */
  async function saveAs(name: string): Promise<boolean> {
    const answer = await notices.ask(`Save the config as "${name}"`, 'config.save', { name, config: { ...config.value, name } })
    if (!answer.ok) return false
    await load()
    select(answer.data.id)
    return true
  }

  return {
    fields, entries, selectedId, selected, draft, config, problems, sortedProblems, plan, edited, checking, ready,
    load, select, setFields, saveAs, check,
  }
})
