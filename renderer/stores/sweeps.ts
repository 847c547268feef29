import { defineStore } from 'pinia'
import { computed, ref, shallowReactive } from 'vue'
import type { BridgeError } from '../../preload/contract/envelope.ts'
import type { BridgeEvents } from '../../preload/contract/events.ts'
import type { RingCell, RingSweepReport, SweepAxis, SweepCell, SweepProgress, SweepReport } from '../../preload/contract/sweep.ts'
import { useBridge } from '../bridge/current.ts'
import { useNotices } from './notices.ts'
import type { SweepKind, SweepStart } from './sweepForm.ts'

/** What a sweep has brought so far; without a report it goes on, or ended early. */
interface Outcome<Cell, Report> {
  readonly progress: SweepProgress | null
  readonly report: Report | null
  readonly axes: readonly SweepAxis[]
  readonly cells: readonly Cell[]
  /** What was asked for; null where it was started elsewhere, or before the page was loaded. */
  readonly asked: SweepStart | null
}
export type TileOutcome = Outcome<SweepCell, SweepReport>
export type RingOutcome = Outcome<RingCell, RingSweepReport>

const NOTHING = { progress: null, report: null, axes: [], cells: [], asked: null } as const
const ACTIONS = { tile: 'Sweep the tile sizes', ring: 'Sweep whole rings' } as const

/** The sweep under way and the last result of each kind, which stays until the next one of its kind brings something. */
export const useSweeps = defineStore('sweeps', () => {
  const notices = useNotices()
  /** The kind on the screen. */
  const kind = ref<SweepKind>('tile')
  const activeId = ref<string | null>(null)
  const activeKind = ref<SweepKind | null>(null)
  const starting = ref(false)
  const outcomes = shallowReactive<{ tile: TileOutcome; ring: RingOutcome }>({ tile: NOTHING, ring: NOTHING })
  const ended = new Set<string>()

  const running = computed(() => starting.value || activeId.value !== null)
  /** Progress of the sweep under way; null before its first. */
  const progress = computed(() => (activeId.value === null || activeKind.value === null ? null : outcomes[activeKind.value].progress))

  function onProgress(next: SweepProgress): void {
    if (ended.has(next.sweepId)) return
    // Not started from here: a page that was loaded meanwhile shows what goes on.
    if (activeId.value === null && !starting.value) kind.value = next.kind
    activeId.value = next.sweepId
    activeKind.value = next.kind
    const { axes } = next
    if (next.kind === 'tile') outcomes.tile = { progress: next, report: null, axes, cells: next.cells, asked: outcomes.tile.asked }
    else outcomes.ring = { progress: next, report: null, axes, cells: next.ringCells, asked: outcomes.ring.asked }
  }

  function onFinished({ sweepId, report, error }: BridgeEvents['sweep.finished']): void {
    ended.add(sweepId)
    if (activeId.value !== null && activeId.value !== sweepId) return
    if (report?.kind === 'tile') outcomes.tile = { ...outcomes.tile, report, axes: report.axes, cells: report.cells }
    else if (report?.kind === 'ring') outcomes.ring = { ...outcomes.ring, report, axes: report.axes, cells: report.cells }
    if (error !== null && error.code !== 'cancelled') notices.report(activeKind.value === null ? 'Sweep' : ACTIONS[activeKind.value], error)
    release()
  }

  function release(): void {
    activeId.value = null
    activeKind.value = null
  }

  function listen(): void {
    useBridge().subscribe('sweep.progress', onProgress)
    useBridge().subscribe('sweep.finished', onFinished)
  }

  async function start(asked: SweepStart): Promise<void> {
    starting.value = true
    activeKind.value = asked.kind
    const earlier = { ...outcomes }
    outcomes[asked.kind] = { ...NOTHING, asked }
    const answer = await notices.ask(`Start: ${ACTIONS[asked.kind].toLowerCase()}`, 'sweep.start', asked)
    starting.value = false
    if (!answer.ok) {
      outcomes.tile = earlier.tile
      outcomes.ring = earlier.ring
    } else if (!ended.has(answer.data.sweepId)) {
      activeId.value = answer.data.sweepId
      activeKind.value = asked.kind
      return
    }
    if (activeId.value === null) activeKind.value = null
  }

  async function control(action: string, route: 'sweep.pause' | 'sweep.resume' | 'sweep.cancel'): Promise<void> {
    if (activeId.value === null) return
    const sweepId = activeId.value
    const answer = await notices.ask(action, route, { sweepId })
    if (!answer.ok && isGone(answer.error) && activeId.value === sweepId) release()
  }

  return {
    kind, activeId, activeKind, starting, running, progress, outcomes,
    listen, start,
    pause: () => control('Pause the sweep', 'sweep.pause'),
    resume: () => control('Resume the sweep', 'sweep.resume'),
    cancel: () => control('Cancel the sweep', 'sweep.cancel'),
  }
})

/** The host that measured was started anew and knows nothing of the sweep. */
const isGone = ({ code }: BridgeError): boolean => code === 'not-found'
