import type { RunFailure } from '../../preload/contract/run.ts'

const STORY: Readonly<Record<Exclude<RunFailure['kind'], 'cancelled'>, string>> = {
  crashed: 'The run crashed', 'timed-out': 'The run stopped answering', refused: 'The run was refused',
}

/** What ended a run early, in a sentence: `The run crashed at rank 3, step 0 of iteration 1`. */
export function failureTitle({ kind, rank, step, iteration }: Pick<RunFailure, 'kind' | 'rank' | 'step' | 'iteration'>): string {
  if (kind === 'cancelled') return 'The run was cancelled'
  const place = [
    rank === null ? '' : ` at rank ${rank}`,
    step === null ? '' : `${rank === null ? ' at' : ','} step ${step}`,
    iteration === null ? '' : `${step === null ? ' in' : ' of'} iteration ${iteration}`,
  ].join('')
  return `${STORY[kind]}${place}`
}
