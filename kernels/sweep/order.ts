import { seededRandom } from '../seededRandom.ts'

/**
 * The order in which a repeat visits `count` tiles: a permutation of 0..count-1, another for every repeat. So a machine
 * that slows down in the course of a sweep slows all tiles alike, and no tile always follows the same one.
 */
export function visitingOrder(count: number, repeat: number): number[] {
  const random = seededRandom(repeat + 1)
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[order[last], order[other]] = [order[other], order[last]]
  }
  return order
}
