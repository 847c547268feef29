import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { join } from 'node:path'
import { z } from 'zod'
import { BlockFile, publishedPath, stagedPath } from '../kernels/transport/blockFile.ts'
import { Door } from '../kernels/transport/door.ts'
import { OutgoingWire } from '../kernels/transport/emulatedLink.ts'
import { OutboundLink } from '../kernels/transport/outboundLink.ts'
import { copyThreads, tmpfsState } from '../kernels/transport/tmpfs.ts'
import { runClock } from '../kernels/timeline/clock.ts'
import { nodeRankHost } from '../main/executor/nodeRankHost.ts'
import type { RankProcess } from '../main/executor/rankHost.ts'
import { createRunFolders } from '../main/executor/runFolders.ts'

/*
 * One hop of 8 MiB between two processes, over both transports, round by round in turn: from the moment the sender begins
 * (the receiver's place is posted) until the last byte is in its place. Over shared memory K/V is put on tmpfs once, by
 * its owner and before a pass, and every hop is one copy from there: that publication is measured apart. What comes about
 * during a pass, a gradient for instance, is written there with every hop.
 */
const BYTES = 8 * 2 ** 20
const ROUNDS = 40
const HOPS_PER_ROUND = 5
const LEAST_RATIO = 1.5

const arrivals = z.object({ endNs: z.array(z.number()) })

const originNs = process.hrtime.bigint()
const clock = runClock(originNs)
const memory = new WebAssembly.Memory({ initial: BYTES / 65_536, maximum: BYTES / 65_536, shared: true })
const block = new Uint8Array(memory.buffer)

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const gigabytesPerSecond = (ns: number): number => BYTES / ns

/** The CPUs this process may use, ascending; empty where the system does not say. */
function allowedCpus(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
    return list.split(',').flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, at) => first + at)
    })
  } catch {
    return []
  }
}

/**
 * Gives the two ends a core each, as ranks have them; left to itself, a busy system may put both on one, where a
 * socket's small buffers stay in that core's cache. False where the system or its `taskset` cannot.
 */
function separate(sender: number, receivers: readonly (number | undefined)[]): boolean {
  const cpus = allowedCpus()
  const [senderCpu, receiverCpu] = [cpus[0], cpus.at(-1)]
  if (senderCpu === receiverCpu) return false
  const pin = (pid: number | undefined, cpu: number | undefined): boolean =>
    spawnSync('taskset', ['-a', '-c', '-p', String(cpu), String(pid)]).status === 0
  return [pin(sender, senderCpu), ...receivers.map((pid) => pin(pid, receiverCpu))].every(Boolean)
}

interface Lane {
  readonly peer: RankProcess
  readonly link: OutboundLink
  /** The sender's K/V on tmpfs; null over sockets. */
  readonly own: BlockFile | null
  readonly published: boolean
  /** Durations of the hops of each round. */
  readonly rounds: number[][]
  readonly publishNs: number[]
  onArrivals: (endNs: readonly number[]) => void
}

async function openLane(address: string, slotDir: string | null, published: boolean): Promise<Lane> {
  const route = { channel: 'kv', peer: 1, largestBytes: BYTES, stagedBytes: BYTES } as const
  const own = slotDir === null ? null : BlockFile.create(publishedPath(slotDir, 0), BYTES)
  const staged = slotDir === null ? null : BlockFile.create(stagedPath(slotDir, route.channel, 0, 1), BYTES)
  const door = await Door.open(address, 2, [route])
  const peer = nodeRankHost().spawn(join(import.meta.dirname, 'transport.peer.ts'), { label: 'transport bench' })
  peer.onStderr((text) => process.stderr.write(text))
  peer.send({ type: 'open', address, slotDir, threads: copyThreads(availableParallelism(), 2), bytes: BYTES, originNs: String(originNs) })
  const link = new OutboundLink({
    route, socket: await door.connection(route), wire: new OutgoingWire(null), clock, carrier: staged ?? 'through-socket',
  })
  const lane: Lane = { peer, link, own, published, rounds: [], publishNs: [], onArrivals: () => undefined }
  peer.onMessage((message) => lane.onArrivals(arrivals.parse(message).endNs))
  peer.onExit(({ code, signal }) => {
    if (signal === 'SIGKILL') return
    process.stderr.write(`the receiving process ended (${signal ?? code})\n`)
    process.exit(1)
  })
  return lane
}

async function runRound(lane: Lane, firstHop: number, counts: boolean): Promise<void> {
  const ends = new Promise<readonly number[]>((resolve) => {
    lane.onArrivals = resolve
  })
  lane.peer.send({ type: 'receive', firstHop, hops: HOPS_PER_ROUND, published: lane.published })
  const starts: number[] = []
  for (let hop = firstHop; hop < firstHop + HOPS_PER_ROUND; hop++) {
    for (let at = 0; at < BYTES; at += 4096) block[at] = ((at >>> 12) + hop) % 251
    const publishedFrom = clock.now()
    if (lane.published) lane.own?.write([block])
    if (counts) lane.publishNs.push(clock.now() - publishedFrom)
    starts.push((await lane.link.send({ hop, owner: 0, parts: [block], bytes: BYTES, published: lane.published })).startNs)
  }
  const endNs = await ends
  if (counts) lane.rounds.push(endNs.map((end, at) => end - starts[at]))
}

function copyNs(): number {
  const target = new Uint8Array(BYTES)
  const times = Array.from({ length: 21 }, () => {
    const from = clock.now()
    target.set(block)
    return clock.now() - from
  })
  return median(times.slice(1))
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } }, allowPositionals: true })
  const tmpfs = tmpfsState()
  if (!tmpfs.available) {
    process.stderr.write(`shared-memory is not available here: ${tmpfs.reason}\n`)
    return 1
  }
  const folders = createRunFolders(true)
  process.once('exit', () => folders.remove())
  const produced = createRunFolders(true)
  process.once('exit', () => produced.remove())
  const lanes = {
    socket: await openLane(folders.address(0), null, false),
    shared: await openLane(folders.address(1), folders.slotDir, true),
    produced: await openLane(produced.address(0), produced.slotDir, false),
  }
  const separated = separate(process.pid, Object.values(lanes).map((lane) => lane.peer.pid))
  for (let round = 0; round <= ROUNDS; round++) {
    // The first round warms up: page faults of the slots, the compiler.
    for (const lane of Object.values(lanes)) await runRound(lane, round * HOPS_PER_ROUND, round > 0)
  }
  for (const lane of Object.values(lanes)) {
    lane.link.close()
    lane.peer.kill('SIGKILL')
  }

  const { socket, shared } = lanes
  const rate = ({ rounds }: Lane): { medianUs: number; gigabytesPerSecond: number } => {
    const ns = median(rounds.flat())
    return { medianUs: ns / 1000, gigabytesPerSecond: gigabytesPerSecond(ns) }
  }
  // Of rounds that followed each other: whatever else the machine does weighs on both.
  const ratio = median(socket.rounds.map((hops, round) => median(hops) / median(shared.rounds[round])))
  const report = {
    bytes: BYTES, separateCores: separated, hops: socket.rounds.flat().length,
    socket: rate(socket), sharedMemory: rate(shared), sharedMemoryProduced: rate(lanes.produced),
    publish: { medianUs: median(shared.publishNs) / 1000, gigabytesPerSecond: gigabytesPerSecond(median(shared.publishNs)) },
    copy: { gigabytesPerSecond: gigabytesPerSecond(copyNs()) },
    ratio, leastRatio: LEAST_RATIO, passed: ratio >= LEAST_RATIO,
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
  } else {
    const line = (name: string, { gigabytesPerSecond: rate, medianUs }: { gigabytesPerSecond: number; medianUs: number }, note = ''): string =>
      `  ${name.padEnd(24)} ${rate.toFixed(2)} GB/s  ${medianUs.toFixed(0)} us${note}\n`
    process.stdout.write(`hop of 8 MiB between two processes${separated ? ' on a core each' : ''}, median of ${report.hops}\n` +
      line('socket', report.socket) +
      line('shared-memory, K/V', report.sharedMemory) +
      line('  publishing it', report.publish, ' (once an iteration, before it starts)') +
      line('shared-memory, gradients', report.sharedMemoryProduced) +
      `  memory copy              ${report.copy.gigabytesPerSecond.toFixed(2)} GB/s (the limit)\n` +
      `  K/V over shared-memory is ${ratio.toFixed(2)} times socket, at least ${LEAST_RATIO} wanted: ${report.passed ? 'met' : 'MISSED'}\n`)
  }
  return report.passed ? 0 : 1
}

process.exit(await main())
