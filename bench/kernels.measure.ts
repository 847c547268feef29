import type { Candidate } from './kernels.candidates.ts'

/** What a candidate took in every round, and what that makes. */
export interface Measured {
  readonly name: string
  /** ms of one run, round by round; rounds of candidates that were measured together belong together. */
  readonly roundMs: readonly number[]
  readonly medianMs: number
  readonly bestMs: number
  /** At the median time. */
  readonly gflops: number
  readonly flops: number
}

const WARM_UP_ROUNDS = 1
const SAMPLE_MS = 400

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** CPU time that this thread has used, in ms: the machine's other work does not count. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Of what another thread or a device computes, only this can be read. */
export const wallMs = (): number => performance.now()

/** Time of one run in ms, over as many as outweigh the steps (up to 4 ms) in which Linux counts CPU time. */
async function timeOf(candidate: Candidate, clockMs: () => number): Promise<number> {
  const startMs = clockMs()
  let runs = 0
  let elapsedMs = 0
  while (elapsedMs < SAMPLE_MS) {
    await candidate.run()
    runs++
    elapsedMs = clockMs() - startMs
  }
  return elapsedMs / runs
}

/** Times all candidates, every one once a round, so that whatever slows the machine down for a while meets all of them. */
export async function measure(candidates: readonly Candidate[], rounds: number, clockMs: () => number = threadCpuMs): Promise<Measured[]> {
  const times: number[][] = candidates.map(() => [])
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [at, candidate] of candidates.entries()) {
      const runMs = await timeOf(candidate, clockMs)
      if (round >= 0) times[at].push(runMs)
    }
  }
  return candidates.map(({ name, flops }, at) => ({
    name, flops, roundMs: times[at], medianMs: median(times[at]), bestMs: Math.min(...times[at]), gflops: flops / median(times[at]) / 1e6,
  }))
}

/** How many times the rate of `other` `one` reaches: the median over the rounds of the ratio within a round. */
export const rateRatio = (one: Measured, other: Measured): number =>
  median(one.roundMs.map((runMs, round) => (one.flops / runMs) / (other.flops / other.roundMs[round])))

/** How many times as long `one` takes. */
export const timeRatio = (one: Measured, other: Measured): number =>
  median(one.roundMs.map((runMs, round) => runMs / other.roundMs[round]))
