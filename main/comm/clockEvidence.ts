import type { CommKernel, CommMatch } from './comm.ts'
import type { DifferenceBound } from './differenceConstraints.ts'
import { fastestTransfers, type Needed, neededBy } from './neededKernels.ts'

/** What matched kernels say of the clocks that they were recorded with. Clocks are numbers; a rank has one. */
export interface ClockEvidence {
  /** From needs that always hold, and from those that hold where sends are not buffered. */
  readonly always: readonly DifferenceBound[]
  readonly ifSendsBind: readonly DifferenceBound[]
  /** By pair of clocks "a b" with a < b: b's end minus a's, of kernels that may end together. */
  readonly collectiveEnds: ReadonlyMap<string, readonly number[]>
  readonly transferEnds: ReadonlyMap<string, readonly number[]>
  /**
   * By pair of clocks "a b" in either order: what x[b] - x[a] is at most by kernels of a that waited, since they end a
   * transfer after b's had entered. It is that much of those that waited for b. Of sources, and of receivers.
   */
  readonly sourceWaits: ReadonlyMap<string, readonly number[]>
  readonly receiverWaits: ReadonlyMap<string, readonly number[]>
  /**
   * How unlike the kernels' times since all that they need had entered are to their operations' transfers, for given
   * offsets of the clocks, as a share of those transfers: 0 explains all.
   */
  misfit(offsetsNs: readonly number[], sendsBind: boolean): number
}

/** Of larger collectives each rank is compared with its neighbour and the first one only. */
const ALL_PAIRS_UP_TO = 32

class Bounds {
  readonly #least = new Map<string, DifferenceBound>()

  /** The kernel of clock `from` ended after that of clock `to` had started, and a transfer later. */
  add(from: number, to: number, slackNs: number, transferNs: number): void {
    if (from === to) return
    const key = `${from} ${to} ${transferNs}`
    const known = this.#least.get(key)
    if (known === undefined || slackNs < known.slackNs) this.#least.set(key, { from, to, slackNs, transferNs })
  }

  get all(): readonly DifferenceBound[] {
    return [...this.#least.values()]
  }
}

/** A kernel waited if it took this much longer than the transfer. */
const CLEARLY_LONGER = 1.05

/** Operations are of one size if their times are this close to the next longer one's. */
const ALIKE = 1.1

function push(lists: Map<string, number[]>, key: string, value: number): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

/** The shortest operation of the same size, by operation, where nothing says how many bytes there were. @param timesNs of operations */
function sizeClasses(timesNs: readonly number[]): ReadonlyMap<number, number> {
  const classes = new Map<number, number>()
  let [shortestNs, lastNs] = [0, 0]
  for (const timeNs of [...timesNs].sort((a, b) => a - b)) {
    if (timeNs > ALIKE * lastNs) shortestNs = timeNs
    classes.set(timeNs, shortestNs)
    lastNs = timeNs
  }
  return classes
}

/** @param clockOf the number of a rank's clock */
export function clockEvidence(
  kernels: readonly CommKernel[], matches: readonly CommMatch[], clockOf: (rank: number) => number,
): ClockEvidence {
  const needed: readonly Needed[] = neededBy(kernels, matches)
  const fastest = fastestTransfers(kernels)
  const [always, ifSendsBind] = [new Bounds(), new Bounds()]
  const [collectiveEnds, transferEnds] = [new Map<string, number[]>(), new Map<string, number[]>()]
  const [sourceWaits, receiverWaits] = [new Map<string, number[]>(), new Map<string, number[]>()]
  const clocks = kernels.map(({ rank }) => clockOf(rank))
  const bind = (bounds: Bounds, position: number, other: number): void => {
    bounds.add(clocks[position], clocks[other], kernels[position].endNs - kernels[other].startNs, fastest[position])
  }
  const meet = (ends: Map<string, number[]>, a: number, b: number): void => {
    const laterNs = kernels[b].endNs - kernels[a].endNs
    if (clocks[a] < clocks[b]) push(ends, `${clocks[a]} ${clocks[b]}`, laterNs)
    else if (clocks[a] > clocks[b]) push(ends, `${clocks[b]} ${clocks[a]}`, -laterNs)
  }
  const waited = (waits: Map<string, number[]>, position: number, other: number, transferNs: number): void => {
    const { startNs, endNs } = kernels[position]
    if (clocks[position] === clocks[other] || endNs - startNs <= CLEARLY_LONGER * transferNs) return
    push(waits, `${clocks[position]} ${clocks[other]}`, endNs - transferNs - kernels[other].startNs)
  }
  const durationOf = (position: number): number => kernels[position].endNs - kernels[position].startNs
  const operationTimes = matches.map(({ kernels: positions }) => Math.min(...positions.map(durationOf)))
  const classes = sizeClasses(operationTimes.filter((_, at) => matches[at].kind === 'send-recv'))
  const shortest = new Map<number, number>()
  for (const [match, { kind, kernels: positions }] of matches.entries()) {
    const operationNs = operationTimes[match]
    for (const [at, position] of positions.entries()) {
      shortest.set(position, operationNs)
      if (kind === 'send-recv') {
        for (const other of needed[position].always) bind(always, position, other)
        for (const other of needed[position].ifSendsBind) bind(ifSendsBind, position, other)
        // Kernels of unknown bytes have no fastest transfer in common.
        const transferNs = kernels[position].bytes === null ? classes.get(operationNs) ?? operationNs : fastest[position]
        for (const other of needed[position].ifSendsBind) waited(receiverWaits, position, other, transferNs)
        // Each pair of neighbours once: from the receiver's side.
        for (const other of needed[position].always) {
          meet(transferEnds, position, other)
          waited(sourceWaits, position, other, transferNs)
        }
        continue
      }
      const near = [positions[(at + 1) % positions.length], positions[0]]
      const others = positions.length <= ALL_PAIRS_UP_TO ? positions : near
      for (const other of others) {
        if (other === position) continue
        bind(always, position, other)
        if (positions.length > ALL_PAIRS_UP_TO) bind(always, other, position)
        if (other > position) meet(collectiveEnds, position, other)
      }
    }
  }
  return {
    always: always.all, ifSendsBind: ifSendsBind.all, collectiveEnds, transferEnds, sourceWaits, receiverWaits,
    misfit(offsetsNs, sendsBind) {
      let [unlikeNs, transferNs] = [0, 0]
      const startOf = (position: number): number => kernels[position].startNs + offsetsNs[clocks[position]]
      for (const [position, operationNs] of shortest) {
        const { always: sources, ifSendsBind: receivers } = needed[position]
        if (receivers.length === 0) continue
        const ready = [position, ...sources, ...(sendsBind ? receivers : [])].reduce((latest, other) => Math.max(latest, startOf(other)), Number.NEGATIVE_INFINITY)
        unlikeNs += Math.abs(kernels[position].endNs + offsetsNs[clocks[position]] - ready - operationNs)
        transferNs += operationNs
      }
      return transferNs === 0 ? 0 : unlikeNs / transferNs
    },
  }
}
