import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunFailure } from '../../preload/contract/run.ts'
import { RunEndedError } from './errors.ts'
import { FailureDesk } from './failureDesk.ts'

const failureOf = (rank: number | null): RunFailure =>
  ({ kind: 'crashed', rank, iteration: 0, step: 0, lastSpan: null, message: '' })

/** A desk, and the rank that it has blamed; undefined as long as the run goes on. */
function openDesk(): { readonly desk: FailureDesk; blamed(): Promise<number | null | undefined> } {
  const desk = new FailureDesk(({ failure }) => failure)
  let blamed: number | null | undefined
  desk.ended.catch((error: unknown) => { blamed = error instanceof RunEndedError ? error.failure.rank : Number.NaN })
  return { desk, blamed: async () => { await vi.advanceTimersByTimeAsync(0); return blamed } }
}

describe('a failure desk', () => {
  beforeEach(() => { vi.useFakeTimers() })
  afterEach(() => { vi.useRealTimers() })

  it('waits a moment for better explanations before it blames a rank', async () => {
    const { desk, blamed } = openDesk()
    desk.report('silent', failureOf(2))
    desk.report('exited', failureOf(1))
    expect(await blamed()).toBeUndefined()
    await vi.advanceTimersByTimeAsync(250)
    expect(await blamed()).toBe(1)
  })

  it('waits longer where neighbours only lost a rank, whose own end is heard late on a busy machine', async () => {
    const { desk, blamed } = openDesk()
    desk.report('lost-peer', failureOf(2))
    desk.report('lost-peer', failureOf(0))
    await vi.advanceTimersByTimeAsync(600)
    expect(await blamed()).toBeUndefined()
    desk.report('exited', failureOf(1))
    await vi.advanceTimersByTimeAsync(250)
    expect(await blamed()).toBe(1)
  })

  it('does end a run on the word of neighbours alone', async () => {
    const { desk, blamed } = openDesk()
    desk.report('lost-peer', failureOf(2))
    await vi.advanceTimersByTimeAsync(1100)
    expect(await blamed()).toBe(2)
  })

  it('ends a cancelled run at once, and hears nothing once the ranks are told to end', async () => {
    const cancelled = openDesk()
    cancelled.desk.report('lost-peer', failureOf(2))
    cancelled.desk.report('cancelled', failureOf(null))
    expect(await cancelled.blamed()).toBeNull()
    const stopped = openDesk()
    stopped.desk.close()
    stopped.desk.report('exited', failureOf(1))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await stopped.blamed()).toBeUndefined()
  })
})
