import type { Plan, StepSink } from '../../kernels/plan/plan.ts'

/** A plan whose moves do not fit together, or wait for each other in a circle. */
export class UnworkablePlanError extends Error {
  override readonly name = 'UnworkablePlanError'
}

/** One end of a move that its other end was not posted for. */
export interface HalfMove {
  readonly hop: number
  readonly direction: 'send' | 'recv'
  readonly rank: number
  readonly peer: number
}

function hasEnd({ stepCount, emitStep }: Plan, rank: number, direction: 'send' | 'recv', hop: number): boolean {
  let found = false
  const sink: StepSink = {
    block: () => undefined, work: () => undefined, fold: () => undefined,
    move: (end, _channel, _payload, _peer, _owner, _bytes, number) => { found ||= end === direction && number === hop },
  }
  for (let step = 0; step < stepCount && !found; step++) emitStep(rank, step, sink)
  return found
}

/**
 * Why ranks stopped: a move of which one end is nowhere in the plan, else a circle.
 * @param halves moves of which one end was posted.
 * @param stuck the first rank that did not finish, and where.
 */
export function unworkable(plan: Plan, halves: Iterable<HalfMove>, stuck: { readonly rank: number; readonly step: number }): UnworkablePlanError {
  for (const { hop, direction, rank, peer } of halves) {
    if (hasEnd(plan, peer, direction === 'send' ? 'recv' : 'send', hop)) continue
    return new UnworkablePlanError(direction === 'send'
      ? `rank ${rank} sends a block to rank ${peer}, which does not expect it`
      : `rank ${rank} expects a block from rank ${peer}, which does not send it`)
  }
  return new UnworkablePlanError(`rank ${stuck.rank} waits at step ${stuck.step} for moves that can never begin`)
}
