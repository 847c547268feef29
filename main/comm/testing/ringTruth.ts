import type { RingTraceOptions } from './ringOptions.ts'
import type { Happening } from './ringSimulation.ts'

/** A communication kernel as it truly was; times in integer ns of true time. */
export interface TrueKernel {
  readonly rank: number
  readonly kind: 'send-recv' | 'all-reduce'
  readonly role: 'kv' | 'dkv' | 'gradients'
  /** Position among the rank's kernels of the kind, the whole job's. */
  readonly order: number
  readonly startNs: number
  readonly endNs: number
  /** waitNs + transferNs is the duration. */
  readonly waitNs: number
  readonly transferNs: number
  /** Global rank; null where nothing was waited for. */
  readonly waitedFor: number | null
  readonly source: number | null
  readonly destination: number | null
}

export interface TrueRank {
  readonly rank: number
  /** What is to be added to the times of its file so that they are on the lowest rank's clock. */
  readonly offsetNs: number
  /** Lengths of unions: all compute kernels, all communication kernels, and where both are. */
  readonly computeNs: number
  readonly commNs: number
  readonly overlapNs: number
  /** Sums over the SendRecv kernels, and over the collectives. */
  readonly waitNs: number
  readonly transferNs: number
  readonly collectiveWaitNs: number
  readonly collectiveTransferNs: number
}

/** By position in the ring. */
export interface TrueStep {
  /** Attention only; 0 where the step has none. */
  readonly computeNs: readonly number[]
  /** Of the step's SendRecv kernels, K/V and gradients together. */
  readonly waitNs: readonly number[]
  readonly transferNs: readonly number[]
}

export interface TruePass {
  readonly iteration: number
  readonly pass: 'forward' | 'backward'
  readonly steps: readonly TrueStep[]
}

export interface RingTruth {
  /** Global ranks in ring order: each sends to the next. */
  readonly ranks: readonly TrueRank[]
  /** By rank, then start. */
  readonly kernels: readonly TrueKernel[]
  /** In the order in which the ranks make them. */
  readonly passes: readonly TruePass[]
  readonly layout: RingTraceOptions['layout']
  readonly world: number
  /** From the first device operation to the end of the last, over all ranks. */
  readonly makespanNs: number
  /** What the lowest rank's file, with clock `base`, has for true time 0: ns beyond its base. */
  readonly originNs: number
}

/** Sorted starts and ends of the union of intervals; length of what two unions share. Apart from main/analysis, which it checks. */
function unionOf(intervals: readonly (readonly [number, number])[]): [number, number][] {
  const merged: [number, number][] = []
  for (const [start, end] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else merged.push([start, end])
  }
  return merged
}
const lengthOf = (union: readonly (readonly [number, number])[]): number => union.reduce((sum, [start, end]) => sum + end - start, 0)
const sharedLength = (a: readonly [number, number][], b: readonly [number, number][]): number =>
  lengthOf(a) + lengthOf(b) - lengthOf(unionOf([...a, ...b]))

const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((total, item) => total + of(item), 0)

/** What was simulated, as figures to compare an analysis with. @param offsetsNs by position */
export function ringTruth(
  happenings: readonly (readonly Happening[])[], options: RingTraceOptions, offsetsNs: readonly number[], originNs: number,
): RingTruth {
  const { world, firstRank, firstHop } = options
  const global = (position: number): number => firstRank + (position + world) % world
  const kernels: TrueKernel[] = []
  const ranks = happenings.map((all, position): TrueRank => {
    const rank = global(position)
    const own = kernelsOf(all, rank, global)
    const cut = firstHop[position] ?? 0
    const fromNs = own.filter(({ kind }) => kind === 'send-recv')[cut]?.startNs ?? 0
    const kept = own.filter(({ startNs }) => startNs >= fromNs)
    kernels.push(...kept)
    const inFile = all.filter(({ startNs }) => cut === 0 || startNs >= fromNs)
    const spansOf = (kinds: readonly string[]): [number, number][] =>
      unionOf(inFile.filter(({ operation }) => kinds.includes(operation.kind)).map(({ startNs, endNs }) => [startNs, endNs] as const))
    const [compute, comm] = [spansOf(['kernel']), spansOf(['send-recv', 'all-reduce'])]
    const [transfers, collectives] = [kept.filter(({ kind }) => kind === 'send-recv'), kept.filter(({ kind }) => kind !== 'send-recv')]
    return {
      rank, offsetNs: offsetsNs[position], computeNs: lengthOf(compute), commNs: lengthOf(comm), overlapNs: sharedLength(compute, comm),
      waitNs: sum(transfers, (kernel) => kernel.waitNs), transferNs: sum(transfers, (kernel) => kernel.transferNs),
      collectiveWaitNs: sum(collectives, (kernel) => kernel.waitNs), collectiveTransferNs: sum(collectives, (kernel) => kernel.transferNs),
    }
  })
  const everything = happenings.flat()
  return {
    ranks, kernels, passes: passesOf(happenings), layout: options.layout, world, originNs,
    makespanNs: everything.reduce((last, { endNs }) => Math.max(last, endNs), Number.NEGATIVE_INFINITY)
      - everything.reduce((first, { startNs }) => Math.min(first, startNs), Number.POSITIVE_INFINITY),
  }
}

function kernelsOf(happenings: readonly Happening[], rank: number, global: (position: number) => number): TrueKernel[] {
  const orders = { 'send-recv': 0, 'all-reduce': 0 }
  const kernels: TrueKernel[] = []
  for (const { operation: { kind, role }, position, startNs, endNs, waitNs, waitedFor } of happenings) {
    if (kind !== 'send-recv' && kind !== 'all-reduce' || role === null) continue
    const ring = kind === 'send-recv'
    kernels.push({
      rank, kind, role, order: orders[kind]++, startNs, endNs, waitNs, transferNs: endNs - startNs - waitNs,
      waitedFor: waitedFor === null ? null : global(waitedFor),
      source: ring ? global(position - 1) : null, destination: ring ? global(position + 1) : null,
    })
  }
  return kernels.sort((a, b) => a.startNs - b.startNs)
}

function passesOf(happenings: readonly (readonly Happening[])[]): TruePass[] {
  const world = happenings.length
  const zeros = () => Array.from({ length: world }, () => 0)
  const passes: { iteration: number; pass: 'forward' | 'backward'; steps: { computeNs: number[]; waitNs: number[]; transferNs: number[] }[] }[] = []
  for (const { operation, position, startNs, endNs, waitNs } of happenings.flat()) {
    if (operation.place === null) continue
    const { passIndex, pass, step } = operation.place
    passes[passIndex] ??= {
      iteration: operation.iteration, pass,
      steps: Array.from({ length: world }, () => ({ computeNs: zeros(), waitNs: zeros(), transferNs: zeros() })),
    }
    const cell = passes[passIndex].steps[step]
    if (operation.attention) cell.computeNs[position] += endNs - startNs
    if (operation.kind === 'send-recv') {
      cell.waitNs[position] += waitNs
      cell.transferNs[position] += endNs - startNs - waitNs
    }
  }
  return passes
}
