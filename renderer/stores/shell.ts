import { useSessionStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { AppInfo } from '../../preload/contract/routes.ts'
import { useBridge, type ConnectionState } from '../bridge/current.ts'
import { useNotices } from './notices.ts'

export const VIEWS = [
  { id: 'run', label: 'Run', key: '1' },
  { id: 'timeline', label: 'Timeline', key: '2' },
  { id: 'imbalance', label: 'Imbalance', key: '3' },
  { id: 'sweep', label: 'Sweep', key: '4' },
  { id: 'machine', label: 'Machine', key: '5' },
  { id: 'trace', label: 'Trace', key: '6' },
  { id: 'compare', label: 'Compare', key: '7' },
  { id: 'planner', label: 'Planner', key: '8' },
] as const
export type ViewId = (typeof VIEWS)[number]['id']

/** Which view shows, who the host is, and whether it can be reached. */
export const useShell = defineStore('shell', () => {
  // Of the tab, not of the user: a reload stays where it was, a new window starts at the beginning.
  const view = useSessionStorage<ViewId>('ringscope.view', 'run')
  if (!VIEWS.some(({ id }) => id === view.value)) view.value = 'run'
  const info = shallowRef<AppInfo | null>(null)
  const connection = ref<ConnectionState>('open')

  function show(next: ViewId): void {
    view.value = next
  }

  async function load(): Promise<void> {
    const answer = await useNotices().ask('Ask the host who it is', 'app.info', {})
    if (answer.ok) info.value = answer.data
  }

  /** @param onRestored called each time the connection is back after a loss */
  function watchConnection(onRestored: () => void): void {
    useBridge().onConnection?.((state) => {
      const restored = connection.value === 'lost' && state === 'open'
      connection.value = state
      if (restored) onRestored()
    })
  }

  return { view, info, connection, show, load, watchConnection }
})
