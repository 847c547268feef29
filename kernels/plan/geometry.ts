import type { RunConfig } from '../config/runConfig.ts'

/**
 * How the ranks of a run are arranged. The world is cut in `ringSets` sets of consecutive ranks, each with its part of
 * the batch. A set is a ring of `ringSize` positions; at each position sit `degree` consecutive ranks that split the
 * heads among them (a Ulysses group; Fang and Zhao 2024, "USP", with the Ulysses groups on low ranks).
 * degree = 1 is a plain ring, ringSize = 1 plain Ulysses.
 */
export interface Geometry {
  readonly world: number
  readonly ringSets: number
  readonly ringSize: number
  readonly degree: number
  /** Batch items of a set. */
  readonly batch: number
}

/** Where a rank sits. */
export interface Seat {
  readonly set: number
  /** Position in the ring: the layout deals tokens to positions. */
  readonly position: number
  /** Member of the Ulysses group: which heads it computes, and which part of the position's tokens is its own. */
  readonly member: number
}

export type GeometryConfig = Pick<RunConfig, 'world' | 'ringSets' | 'algorithm' | 'ulyssesDegree' | 'batch'>

export function geometryOf({ world, ringSets, algorithm, ulyssesDegree, batch }: GeometryConfig): Geometry {
  const members = world / ringSets
  const degree = algorithm === 'ulysses' ? members : algorithm === 'hybrid' ? ulyssesDegree : 1
  return { world, ringSets, ringSize: members / degree, degree, batch: batch / ringSets }
}

export function seatOf({ ringSize, degree }: Geometry, rank: number): Seat {
  const inSet = rank % (ringSize * degree)
  return { set: Math.floor(rank / (ringSize * degree)), position: Math.floor(inSet / degree), member: inSet % degree }
}

export function rankAt({ ringSize, degree }: Geometry, { set, position, member }: Seat): number {
  return (set * ringSize + position) * degree + member
}

/** The rank at another position of the seat's ring. */
export function rankAtPosition({ ringSize, degree }: Geometry, { set, member }: Seat, position: number): number {
  return (set * ringSize + position) * degree + member
}
