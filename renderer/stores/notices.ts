import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { BridgeError, Result } from '../../preload/contract/envelope.ts'
import type { RouteInput, RouteName, RouteOutputs } from '../../preload/contract/routes.ts'
import type { Problem } from '../../preload/contract/config.ts'
import { useBridge } from '../bridge/current.ts'

/** An error that stays on the screen until the user dismisses it. */
export interface Notice {
  readonly id: number
  /** What could not be done, for instance "Open trace.json". */
  readonly action: string
  readonly message: string
  readonly problems: readonly Problem[]
}

const MOST_NOTICES = 6

export const useNotices = defineStore('notices', () => {
  const notices = ref<Notice[]>([])
  let nextId = 1

  /** Shows what went wrong. The same error twice in a row is shown once. */
  function report(action: string, error: Pick<BridgeError, 'message' | 'problems'>): void {
    const last = notices.value.at(-1)
    if (last?.action === action && last.message === error.message) return
    notices.value = [...notices.value, { id: nextId++, action, message: error.message, problems: error.problems ?? [] }]
      .slice(-MOST_NOTICES)
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id)
  }

  /** Reports a failed result. @returns the result as it came */
  function check<T>(action: string, result: Result<T>): Result<T> {
    if (!result.ok) report(action, result.error)
    return result
  }

  /** A request whose failure is shown to the user as "<action>: ...". */
  async function ask<R extends RouteName>(action: string, route: R, input: RouteInput<R>): Promise<Result<RouteOutputs[R]>> {
    return check(action, await useBridge().request(route, input))
  }

  return { notices, report, dismiss, check, ask }
})
