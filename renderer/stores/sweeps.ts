import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { SweepProgress, SweepReport } from '../../preload/contract/sweep.ts'
import { useBridge } from '../bridge/current.ts'
import { useNotices } from './notices.ts'

export const DEFAULT_BLOCKS = '32, 64, 128, 256, 512'
const LARGEST_BLOCK = 1 << 20
const MOST_REPEATS = 1000

/** Block sizes from a text such as "32, 64 128": ascending, each once. Null where anything in it is no block size. */
export function parseBlocks(text: string): readonly number[] | null {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== '')
  const blocks = parts.map(Number)
  const valid = blocks.length > 0 && blocks.every((block) => Number.isInteger(block) && block >= 1 && block <= LARGEST_BLOCK)
  return valid ? [...new Set(blocks)].sort((a, b) => a - b) : null
}

/** The sweep's grid, the sweep under way and the last report. */
export const useSweeps = defineStore('sweeps', () => {
  const notices = useNotices()
  const blockQText = ref(DEFAULT_BLOCKS)
  const blockKText = ref(DEFAULT_BLOCKS)
  const repeatsText = ref('5')
  const activeId = ref<string | null>(null)
  const starting = ref(false)
  const progress = shallowRef<SweepProgress | null>(null)
  const report = shallowRef<SweepReport | null>(null)
  const ended = new Set<string>()
  /** The grid that the cells on screen were asked for. */
  const shownGrid = shallowRef<{ readonly blockQ: readonly number[]; readonly blockK: readonly number[] } | null>(null)

  const blockQ = computed(() => parseBlocks(blockQText.value))
  const blockK = computed(() => parseBlocks(blockKText.value))
  const repeats = computed(() => {
    const value = Number(repeatsText.value)
    return Number.isInteger(value) && value >= 1 && value <= MOST_REPEATS ? value : null
  })
  const running = computed(() => starting.value || activeId.value !== null)
  const cells = computed(() => report.value?.cells ?? progress.value?.cells ?? [])

  function listen(): void {
    useBridge().subscribe('sweep.progress', (next) => {
      if (ended.has(next.sweepId)) return
      activeId.value = next.sweepId
      report.value = null
      progress.value = next
    })
    useBridge().subscribe('sweep.finished', (event) => {
      ended.add(event.sweepId)
      if (activeId.value !== null && activeId.value !== event.sweepId) return
      activeId.value = null
      report.value = event.report
      if (event.error !== null && event.error.code !== 'cancelled') notices.report('Sweep the tile sizes', event.error)
    })
  }

  /** @param shardTokens rows of a rank's shard: a larger block is measured as the whole shard */
  async function start(config: unknown, shardTokens: number): Promise<void> {
    if (blockQ.value === null || blockK.value === null || repeats.value === null) return
    starting.value = true
    const grid = { blockQ: [...blockQ.value], blockK: [...blockK.value] }
    const measured = (blocks: readonly number[]): number[] => [...new Set(blocks.map((block) => Math.min(block, shardTokens)))]
    shownGrid.value = { blockQ: measured(grid.blockQ), blockK: measured(grid.blockK) }
    progress.value = null
    report.value = null
    const answer = await notices.ask('Start the sweep', 'sweep.start', { config, ...grid, repeats: repeats.value })
    starting.value = false
    if (!answer.ok) shownGrid.value = null
    if (answer.ok && !ended.has(answer.data.sweepId)) activeId.value = answer.data.sweepId
  }

  async function cancel(): Promise<void> {
    if (activeId.value !== null) await notices.ask('Cancel the sweep', 'sweep.cancel', { sweepId: activeId.value })
  }

  return {
    blockQText, blockKText, repeatsText, blockQ, blockK, repeats, activeId, running, progress, report, cells, shownGrid,
    listen, start, cancel,
  }
})
