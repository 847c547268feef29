import type { CommKernel, CommMatch } from './comm.ts'

/** Whose start a kernel needs; positions in the list of kernels. */
export interface Needed {
  readonly always: readonly number[]
  /** The kernel that receives what this one sends: NCCL may have buffered the send. */
  readonly ifSendsBind: readonly number[]
  /** Whether all that it always needs are among these. */
  readonly whole: boolean
}

/** A transfer counts as possible when there is at least this share of the fastest one's time for it. */
export const SHARE_OF_FASTEST = 0.9

/** By position. A kernel in no match needs others, unknown which. */
export function neededBy(kernels: readonly CommKernel[], matches: readonly CommMatch[]): Needed[] {
  const needed = kernels.map((): Needed => ({ always: [], ifSendsBind: [], whole: false }))
  for (const match of matches) {
    for (const [at, position] of match.kernels.entries()) {
      const needs = match.needs[at]
      if (match.kind !== 'send-recv') {
        needed[position] = { always: needs, ifSendsBind: [], whole: match.complete }
        continue
      }
      const { source, destination } = kernels[position]
      if (source === null && destination === null) {
        // A ring by its pattern: the source's kernel comes first.
        needed[position] = { always: needs.slice(0, 1), ifSendsBind: needs.slice(1), whole: true }
        continue
      }
      const of = (rank: number | null): number[] => needs.filter((other) => kernels[other].rank === rank)
      const [always, toReceiver] = [of(source), of(destination)]
      needed[position] = {
        always, ifSendsBind: source === destination ? [] : toReceiver,
        whole: (source === null || always.length > 0) && (destination === null || toReceiver.length > 0),
      }
    }
  }
  return needed
}

const classOf = ({ kind, group, bytes }: CommKernel): string => `${kind}\n${group}\n${bytes ?? ''}`

/** By position: the shortest duration among kernels of the same kind, group and bytes. */
export function fastestTransfers(kernels: readonly CommKernel[]): number[] {
  const shortest = new Map<string, number>()
  for (const kernel of kernels) {
    const key = classOf(kernel)
    shortest.set(key, Math.min(shortest.get(key) ?? Number.POSITIVE_INFINITY, kernel.endNs - kernel.startNs))
  }
  return kernels.map((kernel) => shortest.get(classOf(kernel)) ?? 0)
}

/** Mean distance from the median: how unlike times are that should be alike. */
export function unlikeness(values: readonly number[]): number {
  const middle = [...values].sort((a, b) => a - b)[values.length >> 1]
  return values.reduce((sum, value) => sum + Math.abs(value - middle), 0) / values.length
}

/**
 * By position: the shortest duration among the kernels that are one operation, which is about what its transfers took: the
 * last rank to enter did not wait.
 */
function operationTimes(kernels: readonly CommKernel[], matches: readonly CommMatch[]): number[] {
  const times = kernels.map(({ startNs, endNs }) => endNs - startNs)
  for (const match of matches) {
    const shortest = Math.min(...match.kernels.map((position) => times[position]))
    for (const position of match.kernels) times[position] = shortest
  }
  return times
}

/**
 * Whether a kernel could not end before its receiver had entered. Where sends are buffered, times since the source
 * entered are like the operation's transfer; where they are not, times since both had. The likelier holds for a group;
 * for a kernel moreover only if what was left then suffices for a transfer.
 * @param kernels on one clock as far as `comparable` says
 */
export function boundSends(
  kernels: readonly CommKernel[], matches: readonly CommMatch[], needed: readonly Needed[],
  comparable: (a: number, b: number) => boolean, fastest: readonly number[],
): (position: number) => boolean {
  const times = operationTimes(kernels, matches)
  const left = (position: number): { readonly sinceSource: number; readonly sinceBoth: number; readonly receiverLast: boolean } | null => {
    const { always, ifSendsBind } = needed[position]
    const { rank, startNs, endNs } = kernels[position]
    if (ifSendsBind.length === 0 || ![...always, ...ifSendsBind].every((other) => comparable(rank, kernels[other].rank))) return null
    const source = Math.max(startNs, ...always.map((other) => kernels[other].startNs))
    const both = Math.max(source, ...ifSendsBind.map((other) => kernels[other].startNs))
    return { sinceSource: endNs - source, sinceBoth: endNs - both, receiverLast: both > source }
  }
  const groups = new Map<string, { unlikeSource: number; unlikeBoth: number }>()
  for (const position of kernels.keys()) {
    const passed = left(position)
    if (passed === null || !passed.receiverLast) continue
    const { group } = kernels[position]
    const known = groups.get(group) ?? { unlikeSource: 0, unlikeBoth: 0 }
    groups.set(group, known)
    known.unlikeSource += Math.abs(passed.sinceSource - times[position])
    known.unlikeBoth += Math.abs(passed.sinceBoth - times[position])
  }
  return (position) => {
    const passed = left(position)
    const known = groups.get(kernels[position].group)
    if (passed === null || known !== undefined && known.unlikeSource < known.unlikeBoth) return false
    return passed.sinceBoth >= SHARE_OF_FASTEST * fastest[position]
  }
}
