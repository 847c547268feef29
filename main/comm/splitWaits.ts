import type { CommKernel, CommMatch, CommSplit } from './comm.ts'
import { boundSends, fastestTransfers, neededBy } from './neededKernels.ts'

/**
 * Divides every kernel's time in waiting and transfer (reference traces.md, 2.4): it waits until the last kernel that it
 * needs has started. Where one that it needs is not there, as much as the fastest transfer of the kind took counts as
 * transfer and the rest as waiting, at least what is known to be.
 * @param comparable whether two ranks' times are on one clock
 */
export function splitWaits(
  kernels: readonly CommKernel[], matches: readonly CommMatch[], comparable: (a: number, b: number) => boolean,
): CommSplit[] {
  const needed = neededBy(kernels, matches)
  const fastest = fastestTransfers(kernels)
  const bound = boundSends(kernels, matches, needed, comparable, fastest)
  return kernels.map((kernel, position): CommSplit => {
    const { startNs, endNs, rank } = kernel
    const { always, ifSendsBind, whole } = needed[position]
    const readable = (other: number): boolean => comparable(rank, kernels[other].rank)
    const needs = [...always, ...(bound(position) ? ifSendsBind : [])].filter(readable)
    let last = position
    for (const other of needs) if (kernels[other].startNs > kernels[last].startNs) last = other
    const durationNs = endNs - startNs
    const knownNs = Math.max(0, Math.min(endNs, kernels[last].startNs) - startNs)
    if (whole && always.every(readable)) {
      return { kernel: position, waitNs: knownNs, transferNs: durationNs - knownNs, method: 'peers', waitedFor: knownNs > 0 ? kernels[last].rank : null }
    }
    const waitNs = Math.max(knownNs, durationNs - fastest[position])
    return { kernel: position, waitNs, transferNs: durationNs - waitNs, method: 'estimate', waitedFor: waitNs === knownNs && knownNs > 0 ? kernels[last].rank : null }
  })
}
