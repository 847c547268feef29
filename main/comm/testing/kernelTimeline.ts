import type { Timeline } from '../../timeline/timeline.ts'
import { ringTimeline } from './ringTimeline.ts'

/** A kernel that a test writes by hand; whole µs. */
export interface WrittenKernel {
  readonly rank: number
  readonly stream: number
  readonly name: string
  readonly startUs: number
  readonly endUs: number
  readonly args?: object
}

export const SEND_RECV_KERNEL = 'ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)'

/** The kernels of ranks 0 to world - 1 on one clock, a Kineto-like file each, as one Timeline. */
export function kernelTimeline(world: number, kernels: readonly WrittenKernel[]): Timeline {
  return ringTimeline(Array.from({ length: world }, (_, rank) => {
    const events = kernels.filter((kernel) => kernel.rank === rank).map(({ stream, name, startUs, endUs, args }) =>
      `{"ph":"X","cat":"kernel","name":${JSON.stringify(name)},"pid":0,"tid":${stream},"ts":${startUs}.000,"dur":${endUs - startUs}.000,"args":${JSON.stringify(args ?? {})}}`)
    return { name: `rank-${rank}.json`, text: `{"baseTimeNanoseconds":0,"distributedInfo":{"rank":${rank},"world_size":${world}},"traceEvents":[\n${events.join(',\n')}\n]}` }
  }))
}
