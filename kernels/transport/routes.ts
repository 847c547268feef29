import type { Move, Plan, RankPlan } from '../plan/plan.ts'
import type { Channel } from '../timeline/categories.ts'

/** One direction between two ranks on one channel, as seen from one of them. */
export interface Route {
  readonly channel: Channel
  /** The rank at the other end. */
  readonly peer: number
  /** Bytes of the largest block that takes it: both ends must expect the same. */
  readonly largestBytes: number
  /** Bytes of the largest block that is not in its owner's file, and so needs the link's own; 0 where there is none. */
  readonly stagedBytes: number
}

export const routeKey = ({ channel, peer }: Pick<Route, 'channel' | 'peer'>): string => `${channel} ${peer}`

/**
 * Whether a move carries a rank's own K/V as published before the pass, relayed or not: K/V does not change in a pass.
 * In a Ulysses group K/V is put together during the pass.
 */
export const isPublished = (move: Pick<Move, 'payload'>, degree: number): boolean => move.payload === 'kv' && degree === 1

/** The links that moves in one direction need, in the order of their first use. */
export function routesOf(moves: Iterable<Pick<Move, 'channel' | 'payload' | 'peer' | 'bytes'>>, degree: number): Route[] {
  const routes = new Map<string, Route>()
  for (const move of moves) {
    const { channel, peer, bytes } = move
    const known = routes.get(routeKey(move)) ?? { channel, peer, largestBytes: 0, stagedBytes: 0 }
    routes.set(routeKey(move), {
      channel, peer,
      largestBytes: Math.max(known.largestBytes, bytes),
      stagedBytes: Math.max(known.stagedBytes, isPublished(move, degree) ? 0 : bytes),
    })
  }
  return [...routes.values()]
}

export const sendsOf = (rank: RankPlan): Move[] => rank.steps.flatMap((step) => step.sends)
export const recvsOf = (rank: RankPlan): Move[] => rank.steps.flatMap((step) => step.recvs)

/** Bytes on tmpfs that a plan's ranks need together over shared memory: published K/V, and a file for every other link. */
export function tmpfsBytes({ geometry, ranks }: Pick<Plan, 'geometry' | 'ranks'>): number {
  let bytes = 0
  for (const rank of ranks) {
    const sends = sendsOf(rank)
    bytes += sends.find((move) => isPublished(move, geometry.degree))?.bytes ?? 0
    for (const route of routesOf(sends, geometry.degree)) bytes += route.stagedBytes
  }
  return bytes
}
