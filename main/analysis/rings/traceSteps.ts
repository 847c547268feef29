import type { StepCell } from '../../../preload/contract/analysis.ts'
import type { Communication } from '../../comm/comm.ts'
import { interval, IntervalList, intersect, type Intervals, subtract, totalLength, union } from '../intervals.ts'
import type { RingPass } from './ringPasses.ts'

const NS_PER_US = 1000

/** U(compute) of a rank, sorted and disjoint. */
export type ComputeOf = (rank: number) => Intervals

/** The kernels of a step on the rank at `position`. */
export const kernelsOf = ({ kernels, further }: RingPass['steps'][number], position: number): number[] => {
  const kernel = kernels[position]
  return kernel === null ? [] : [kernel, ...further[position]]
}

/** U(compute) within a window, of a union. Steps look at a small part of a rank's compute: finding it must not take a walk over all of it. */
export function within(compute: Intervals, startNs: number, endNs: number): Intervals {
  let low = 0
  let high = compute.ends.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compute.ends[middle] <= startNs) low = middle + 1
    else high = middle
  }
  const part = new IntervalList()
  for (let at = low; at < compute.starts.length && compute.starts[at] < endNs; at++) part.add(compute.starts[at], compute.ends[at])
  return intersect(part.raw(), interval(startNs, endNs))
}

interface CellTotals {
  computeNs: number
  transferNs: number
  waitNs: number
  exposedNs: number
  idleNs: number
  imbalanceNs: number
}

const newTotals = (): CellTotals => ({ computeNs: 0, transferNs: 0, waitNs: 0, exposedNs: 0, idleNs: 0, imbalanceNs: 0 })

function addPass(cells: readonly CellTotals[], pass: RingPass, firstStep: number, steps: number, communication: Communication, computeOf: ComputeOf): void {
  pass.steps.forEach((step, at) => {
    const latestNs = Math.max(...step.computeEndNs)
    pass.ranks.forEach((rank, position) => {
      const cell = cells[position * steps + firstStep + at]
      const transfers = new IntervalList()
      const recorded = new IntervalList()
      for (const kernel of kernelsOf(step, position)) {
        const { startNs: fromNs, endNs: toNs } = communication.kernels[kernel]
        const { waitNs, transferNs } = communication.splits[kernel]
        cell.waitNs += waitNs
        cell.transferNs += transferNs
        transfers.add(fromNs + waitNs, toNs)
        recorded.add(fromNs, toNs)
      }
      const [startNs, endNs] = [step.startNs[position], step.endNs[position]]
      const busy = union(recorded.raw())
      const compute = within(computeOf(rank), Math.min(startNs, busy.starts[0] ?? startNs), Math.max(endNs, busy.ends[busy.ends.length - 1] ?? endNs))
      cell.computeNs += step.computeNs[position]
      cell.exposedNs += totalLength(subtract(union(transfers.raw()), compute))
      cell.idleNs += totalLength(subtract(subtract(interval(startNs, endNs), compute), busy))
      cell.imbalanceNs += latestNs - step.computeEndNs[position]
    })
  })
}

/**
 * Each rank's times in each step of a ring, means over the given passes, in µs; rank-major, steps of backward passes after
 * those of forward ones. `waitPeerUs` and `transferUs` divide the step's communication kernels as recorded, whether
 * compute ran beside them or not; `exposedUs`, and `waitLinkUs` with it, is what of the transfer no compute of the rank
 * covers; `idleUs` is what is left of the step without compute and without such a kernel.
 * @param passes of one set of ranks, forward and backward.
 */
export function traceStepCells(passes: readonly RingPass[], communication: Communication, computeOf: ComputeOf): StepCell[] {
  const forward = passes.filter(({ pass }) => pass === 'forward')
  const backward = passes.filter(({ pass }) => pass === 'backward')
  const stepsOf = (own: readonly RingPass[]): number => own.reduce((most, { steps }) => Math.max(most, steps.length), 0)
  const steps = stepsOf(forward) + stepsOf(backward)
  if (steps === 0) return []
  const ranks = [...passes[0].ranks].sort((a, b) => a - b)
  const cells = Array.from({ length: ranks.length * steps }, newTotals)
  for (const [own, firstStep] of [[forward, 0], [backward, stepsOf(forward)]] as const) {
    for (const pass of own) addPass(inRankOrder(cells, pass, ranks, steps), pass, firstStep, steps, communication, computeOf)
  }
  return cells.map((cell, at): StepCell => {
    const step = at % steps
    const count = step < stepsOf(forward) ? forward.length : backward.length
    const us = (ns: number): number => ns / count / NS_PER_US
    return {
      rank: ranks[Math.floor(at / steps)], step,
      computeUs: us(cell.computeNs), transferUs: us(cell.transferNs), exposedUs: us(cell.exposedNs),
      waitPeerUs: us(cell.waitNs), waitLinkUs: us(cell.exposedNs), idleUs: us(cell.idleNs), imbalanceUs: us(cell.imbalanceNs),
    }
  })
}

/** The same cells, in the order of the pass's ranks. */
const inRankOrder = (cells: readonly CellTotals[], pass: RingPass, ranks: readonly number[], steps: number): CellTotals[] =>
  pass.ranks.flatMap((rank) => cells.slice(ranks.indexOf(rank) * steps, (ranks.indexOf(rank) + 1) * steps))
