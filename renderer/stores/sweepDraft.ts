import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { useConfigs } from './configs.ts'
import {
  axesOf, DEFAULT_BLOCKS, parseBlocks, parseRepeats, SHARD_TOKENS, type AxisContext, type AxisRow, type SweepKind, type SweepStart,
} from './sweepForm.ts'

/** What the forms of the two sweeps hold, and the question that they make with the config. */
export const useSweepDraft = defineStore('sweepDraft', () => {
  const configs = useConfigs()
  const blockQText = ref(DEFAULT_BLOCKS)
  const blockKText = ref(DEFAULT_BLOCKS)
  const repeatsTexts = ref<Readonly<Record<SweepKind, string>>>({ tile: '5', ring: '3' })
  const fresh = ref(false)
  const rows = ref<Readonly<Record<SweepKind, readonly AxisRow[]>>>({ tile: [], ring: [{ id: 0, path: SHARD_TOKENS, text: null }] })
  /** What the charts of each kind are drawn over, and at which values of the axes that they are not drawn over. */
  const overs = ref<Readonly<Record<SweepKind, string | null>>>({ tile: null, ring: null })
  const slices = ref<Readonly<Record<SweepKind, Readonly<Record<string, number>>>>>({ tile: {}, ring: {} })
  let nextId = 1

  const context = computed((): AxisContext => {
    const plan = configs.plan?.plan
    return {
      fields: configs.fields, draft: configs.draft,
      shard: plan === undefined ? null : { tokens: plan.shardTokens, ranks: plan.paddedSeqLen / plan.shardTokens },
    }
  })
  const blockQ = computed(() => parseBlocks(blockQText.value))
  const blockK = computed(() => parseBlocks(blockKText.value))

  /** The question of one kind; null where an input is none, or the config is refused. */
  function askOf(kind: SweepKind): SweepStart | null {
    const repeats = parseRepeats(repeatsTexts.value[kind])
    const axes = axesOf(rows.value[kind], kind, context.value)
    if (!configs.ready || repeats === null || axes === null) return null
    const common = { config: configs.config, axes, repeats, fresh: fresh.value }
    if (kind === 'ring') return axes.length === 0 ? null : { kind, ...common }
    if (blockQ.value === null || blockK.value === null) return null
    return { kind, ...common, blockQ: blockQ.value, blockK: blockK.value }
  }

  function addAxis(kind: SweepKind, path: string): void {
    rows.value = { ...rows.value, [kind]: [...rows.value[kind], { id: nextId++, path, text: null }] }
  }

  function changeAxis(kind: SweepKind, id: number, change: Partial<Pick<AxisRow, 'path' | 'text'>>): void {
    rows.value = { ...rows.value, [kind]: rows.value[kind].map((row) => (row.id === id ? { ...row, ...change } : row)) }
  }

  function removeAxis(kind: SweepKind, id: number): void {
    rows.value = { ...rows.value, [kind]: rows.value[kind].filter((row) => row.id !== id) }
  }

  const drawOver = (kind: SweepKind, path: string): void => {
    overs.value = { ...overs.value, [kind]: path }
  }

  function chooseSlice(kind: SweepKind, path: string, value: number): void {
    slices.value = { ...slices.value, [kind]: { ...slices.value[kind], [path]: value } }
  }

  return {
    blockQText, blockKText, repeatsTexts, fresh, rows, overs, slices, context, blockQ, blockK,
    askOf, addAxis, changeAxis, removeAxis, drawOver, chooseSlice,
  }
})
