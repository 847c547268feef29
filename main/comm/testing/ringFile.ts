import type { RingTraceOptions } from './ringOptions.ts'
import { SEND_RECV } from './ringProgram.ts'
import type { Happening } from './ringSimulation.ts'

/** A multiple of three months, as Kineto has it. */
const BASE_SECONDS = 227 * 7_889_238

type Args = Readonly<Record<string, unknown>>

/** µs with three decimals, exact: whole µs and ns are never one double. */
function microsText(wholeMicros: number, ns: number): string {
  const micros = wholeMicros + Math.floor(ns / 1000)
  return `${micros}.${String(ns - Math.floor(ns / 1000) * 1000).padStart(3, '0')}`
}

/** Writes events in a rank's own clock. Correlations, External ids and flow ids count from 1 on every rank, as in real files. */
class FileWriter {
  readonly events: string[] = []
  readonly #wholeMicros: number
  readonly #offsetNs: number

  constructor(wholeMicros: number, offsetNs: number) {
    this.#wholeMicros = wholeMicros
    this.#offsetNs = offsetNs
  }

  time(trueNs: number): string {
    return microsText(this.#wholeMicros, trueNs - this.#offsetNs)
  }

  meta(name: string, pid: number, tid: number, args: Args): void {
    this.events.push(`{"ph":"M","name":${JSON.stringify(name)},"pid":${pid},"tid":${tid},"ts":${this.time(0)},"args":${JSON.stringify(args)}}`)
  }

  span(cat: string, name: string, pid: number, tid: number, startNs: number, endNs: number, args: Args): void {
    const duration = microsText(0, endNs - startNs)
    this.events.push(`{"ph":"X","cat":"${cat}","name":${JSON.stringify(name)},"pid":${pid},"tid":${tid},` +
      `"ts":${this.time(startNs)},"dur":${duration},"args":${JSON.stringify(args)}}`)
  }

  flow(phase: 's' | 'f', id: number, pid: number, tid: number, timeNs: number): void {
    this.events.push(`{"ph":"${phase}","id":${id},"pid":${pid},"tid":${tid},"ts":${this.time(timeNs)},` +
      `"cat":"ac2g","name":"ac2g"${phase === 'f' ? ',"bp":"e"' : ''}}`)
  }
}

/** What Kineto copies to a communication kernel from its record_param_comms. */
function commArgs({ operation, position }: Happening, options: RingTraceOptions, order: number): Args {
  const { world, firstRank, groupArgs, peerArgs, seqArgs } = options
  const { kind, elements, dtype } = operation
  if (kind !== 'send-recv' && kind !== 'all-reduce') return {}
  const ring = kind === 'send-recv'
  const named = (local: number): number => (peerArgs === 'local' ? 0 : firstRank) + (local + world) % world
  return {
    ...(groupArgs && {
      'Collective name': ring ? 'coalesced' : 'allreduce', 'In msg nelems': elements, 'Out msg nelems': elements, 'Group size': world,
      dtype, 'In split size': '[]', 'Out split size': '[]', 'Process Group Name': ring ? '3' : '0',
      'Process Group Description': ring ? 'context_parallel' : 'default_pg',
      'Process Group Ranks': `[${Array.from({ length: world }, (_, member) => firstRank + member).join(', ')}]`,
    }),
    ...(peerArgs !== false && ring && { 'Src Rank': named(position - 1), 'Dst Rank': named(position + 1) }),
    ...(seqArgs && { Seq: order }),
  }
}

/**
 * One rank's file.
 * @param offsetNs what is to be added to its times to get true ones
 * @param firstMicros of true time 0 in a clock without error, beyond the base
 */
export function rankFile(
  all: readonly Happening[], position: number, offsetNs: number, firstMicros: number, options: RingTraceOptions,
): { name: string; text: string } {
  const { firstRank, world, clock, hostEvents, distributedInfo, firstHop } = options
  const rank = firstRank + position
  const writer = new FileWriter(clock === 'unix' ? BASE_SECONDS * 1e6 + firstMicros : clock === 'own' ? 1e6 : firstMicros, offsetNs)
  const [host, device] = [4000 + rank, 0]
  writer.meta('process_name', host, 0, { name: 'python' })
  writer.meta('process_labels', host, 0, { labels: 'CPU' })
  writer.meta('process_name', device, 0, { name: 'python' })
  writer.meta('process_labels', device, 0, { labels: `GPU ${device}` })
  for (const stream of new Set(all.map(({ operation }) => operation.stream))) writer.meta('thread_name', device, stream, { name: `stream ${stream} ` })
  const fromNs = windowStart(all, firstHop[position] ?? 0)
  const orders: Record<string, number> = {}
  let correlation = 0
  let begun: Happening | null = null
  for (const happening of [...all, null]) {
    if (hostEvents && begun !== null && (happening === null || happening.operation.begins)) {
      writeStep(writer, host, begun, all)
      begun = null
    }
    if (happening === null) break
    const { operation, startNs } = happening
    const order = orders[operation.kind] ?? 0
    orders[operation.kind] = order + 1
    correlation += 1
    if (operation.begins) begun = happening
    if (startNs < fromNs) continue
    writeHappening(writer, host, device, happening, correlation, commArgs(happening, options, order), options)
  }
  const head = [
    '"schemaVersion":1',
    `"deviceProperties":[{"id":0,"name":"NVIDIA H100 80GB HBM3","totalGlobalMem":85000000000,"computeMajor":9,"computeMinor":0,"numSms":132}]`,
    ...(distributedInfo ? [`"distributedInfo":${JSON.stringify({ backend: 'nccl', rank, world_size: firstRank + world, nccl_version: '2.21.5' })}`] : []),
    '"displayTimeUnit":"ms"',
    ...(clock === 'base' ? [`"baseTimeNanoseconds":${BASE_SECONDS}000000000`] : []),
  ]
  return { name: `rank-${rank}.pt.trace.json`, text: `{${head.join(',')},"traceEvents":[\n${writer.events.join(',\n')}\n],"traceName":"rank-${rank}"}\n` }
}

/** When the window of a file begins whose first SendRecv kernel is the given one. */
function windowStart(all: readonly Happening[], firstHop: number): number {
  if (firstHop === 0) return Number.NEGATIVE_INFINITY
  return all.filter(({ operation }) => operation.name === SEND_RECV)[firstHop]?.startNs ?? Number.POSITIVE_INFINITY
}

function writeStep(writer: FileWriter, host: number, begun: Happening, all: readonly Happening[]): void {
  const { iteration } = begun.operation
  const ends = all.filter(({ operation }) => operation.iteration === iteration).map(({ endNs, launchEndNs }) => Math.max(endNs, launchEndNs))
  const endNs = Math.max(...ends) + 5000
  writer.span('user_annotation', `ProfilerStep#${iteration}`, host, host, begun.launchStartNs - 1000, endNs, {})
}

function writeHappening(
  writer: FileWriter, host: number, device: number, happening: Happening, correlation: number, comm: Args, options: RingTraceOptions,
): void {
  const { operation, launchStartNs, launchEndNs, startNs, endNs, position } = happening
  const { hostEvents, flows, world, firstRank } = options
  const { name, op, stream, kind } = operation
  if (hostEvents) {
    const lengthNs = launchEndNs - launchStartNs
    const at = (share: number): number => launchStartNs + Math.floor(lengthNs * share)
    const external = { 'External id': correlation }
    if (kind === 'send-recv' || kind === 'all-reduce') {
      writer.span('user_annotation', op, host, host, at(0.05), at(0.95), external)
      writer.span('cpu_op', 'record_param_comms', host, host, at(0.1), at(0.9), { ...external, ...comm })
      if (kind === 'send-recv' && options.peerArgs !== false) {
        const [next, previous] = [(position + 1) % world, (position + world - 1) % world]
        const own = firstRank + position
        writer.span('user_annotation', `nccl:send ${own}->${firstRank + next}`, host, host, at(0.15), at(0.2), {})
        writer.span('user_annotation', `nccl:recv ${own}<-${firstRank + previous}`, host, host, at(0.22), at(0.28), {})
      }
    } else {
      writer.span('cpu_op', op, host, host, at(0.05), at(0.95), { ...external, 'Sequence number': correlation, 'Fwd thread id': 0 })
    }
    const runtime = kind === 'copy' ? 'cudaMemcpyAsync' : 'cudaLaunchKernel'
    writer.span('cuda_runtime', runtime, host, host, at(0.35), at(0.85), { ...external, cbid: 211, correlation })
    if (flows) writer.flow('s', correlation, host, host, at(0.35))
  }
  const common = { 'External id': correlation, device, context: 1, stream, correlation }
  if (kind === 'copy') {
    writer.span('gpu_memcpy', name, device, stream, startNs, endNs, { ...common, bytes: 1 << 20, 'memory bandwidth (GB/s)': 34.95 })
  } else {
    writer.span('kernel', name, device, stream, startNs, endNs, {
      ...common, 'registers per thread': 96, grid: [24, 1, 1], block: [640, 1, 1], ...comm,
    })
  }
  if (hostEvents && flows) writer.flow('f', correlation, device, stream, startNs)
}
