import type { RankProgress, RunProgressEvent } from '../../preload/contract/run.ts'

/** One rank's line of the progress table. */
export interface RankBar {
  readonly rank: number
  /** Share of the run's steps that lie behind the rank, 0..1. */
  readonly share: number
  /** Empty where the rank has not begun. */
  readonly iteration: string
  readonly step: string
  readonly state: string
  readonly kind: RankProgress['state']
}

/**
 * Where each rank is. A rank that is `done` has ended an iteration and not the run; one that is `starting` puts its
 * inputs in place, before the first step of an iteration.
 */
export function rankBars(progress: RunProgressEvent): RankBar[] {
  const { iterations, phase, steps } = progress
  return progress.ranks.map(({ rank, iteration, step, state }) => {
    const begun = phase !== 'starting'
    const stepping = begun && state !== 'starting'
    const behind = iteration * steps + (state === 'done' ? steps : stepping ? step : 0)
    const last = iteration + 1 >= iterations
    return {
      rank, kind: state,
      share: begun ? Math.max(0, Math.min(1, behind / Math.max(1, iterations * steps))) : 0,
      iteration: begun ? `${iteration + 1} of ${iterations}` : '',
      step: stepping && state !== 'done' ? `${step + 1} of ${steps}` : '',
      state: state === 'starting' && begun ? 'preparing' : state === 'done' && !last ? 'ready for the next' : state,
    }
  })
}
