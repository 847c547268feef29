import { describe, expect, it } from 'vitest'
import type { RankProgress, RunPhase } from '../../preload/contract/run.ts'
import { rankBars } from './rankBars.ts'

const bar = (phase: RunPhase, at: Omit<RankProgress, 'rank'>): ReturnType<typeof rankBars>[number] => {
  const [first] = rankBars({ runId: 'r', timelineId: 't', phase, steps: 8, iterations: 4, ranks: [{ rank: 0, ...at }] })
  return first
}

describe('the progress of a rank', () => {
  it('names no iteration and no step before the ranks have started', () => {
    expect(bar('starting', { iteration: 0, step: 0, state: 'starting' })).toMatchObject({ share: 0, iteration: '', step: '', state: 'starting' })
  })
  it('names the iteration but no step while the inputs are put in place', () => {
    expect(bar('measuring', { iteration: 1, step: 0, state: 'starting' }))
      .toMatchObject({ share: 0.25, iteration: '2 of 4', step: '', state: 'preparing' })
  })
  it('counts the steps behind it', () => {
    expect(bar('measuring', { iteration: 1, step: 4, state: 'computing' })).toMatchObject({ share: 12 / 32, step: '5 of 8', state: 'computing' })
  })
  it('is not full when an iteration other than the last has ended', () => {
    expect(bar('warm-up', { iteration: 0, step: 7, state: 'done' })).toMatchObject({ share: 0.25, step: '', state: 'ready for the next' })
    expect(bar('measuring', { iteration: 3, step: 7, state: 'done' })).toMatchObject({ share: 1, state: 'done' })
  })
})
