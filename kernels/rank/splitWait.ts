import type { Move } from '../plan/plan.ts'
import type { SettledMove } from './mover.ts'

/** A part of a compute thread's wait for its moves; ns from the run's origin. */
export interface WaitPart {
  readonly category: 'wait-peer' | 'wait-link'
  readonly startNs: number
  readonly endNs: number
  /** The move that was waited for. */
  readonly move: Move
}

/** When both ends of a move were ready for it, ns from the run's origin. */
const readyNs = (settled: SettledMove): number =>
  (settled.direction === 'recv' ? settled.times.senderStartNs : settled.times.readyNs ?? settled.times.startNs)

/** Of two that end together the received one. */
function lastOf(settled: readonly [SettledMove, ...SettledMove[]]): SettledMove {
  return settled.reduce((late, move) => {
    const later = move.times.endNs - late.times.endNs
    return later > 0 || (later === 0 && move.direction === 'recv' && late.direction === 'send') ? move : late
  })
}

/**
 * What a rank waited for during [startNs, endNs], in the order of time and without gaps. The move that ends last decides:
 * before it could go the peer was late (wait-peer); from then until its last byte it was under way or queued for the wire
 * (wait-link). A channel carries one block at a time in each direction, so before the last one could go the wait was for
 * those ahead of it there, divided likewise: of an all-to-all in rounds all but the last would else pass for lateness.
 * What is left after the last move, a thread that had not woken up yet, is nobody's fault and no wait.
 * @param settled in the order of posting.
 */
export function splitWait(startNs: number, endNs: number, settled: readonly [SettledMove, ...SettledMove[]]): WaitPart[] {
  const last = lastOf(settled)
  const within = (ns: number): number => Math.min(endNs, Math.max(startNs, ns))
  const parts: WaitPart[] = []
  let untilNs = within(last.times.endNs)
  const takeFrom = (ns: number, category: WaitPart['category'], move: Move): void => {
    const fromNs = within(ns)
    if (fromNs >= untilNs) return
    parts.unshift({ category, startNs: fromNs, endNs: untilNs, move })
    untilNs = fromNs
  }
  let next = last
  const ahead = settled.slice(0, settled.indexOf(last)).filter((other) =>
    other.direction === last.direction && other.move.channel === last.move.channel)
  for (const settledMove of [last, ...ahead.toReversed()]) {
    takeFrom(settledMove.times.endNs, 'wait-peer', next.move)
    takeFrom(readyNs(settledMove), 'wait-link', settledMove.move)
    next = settledMove
  }
  takeFrom(startNs, 'wait-peer', next.move)
  return parts
}
