import { z } from 'zod'
import { SharedMemoryInboundLink } from '../kernels/transport/sharedMemoryTransport.ts'
import { SocketInboundLink } from '../kernels/transport/socketTransport.ts'
import type { Arrival, InboundLink } from '../kernels/transport/links.ts'
import { runClock } from '../kernels/timeline/clock.ts'

/** The receiving process of the transport bench. */
const message = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('open'), address: z.string(), slotDir: z.string().nullable(), threads: z.number(), bytes: z.number(), originNs: z.string(),
  }),
  z.object({ type: z.literal('receive'), firstHop: z.number(), hops: z.number() }),
])

let link: InboundLink | null = null
let target: Uint8Array = new Uint8Array()

/** Every page carries a value of its hop, so a block that is stale or torn shows. */
function checkBlock(hop: number): void {
  for (let at = 0; at < target.length; at += 4096) {
    if (target[at] !== ((at >>> 12) + hop) % 251) throw new Error(`hop ${hop} arrived damaged at byte ${at}`)
  }
}

async function take(input: z.output<typeof message>): Promise<void> {
  if (input.type === 'open') {
    link?.close()
    const terms = { rank: 1, world: 2, bytesPerHop: input.bytes }
    const clock = runClock(BigInt(input.originNs))
    const pages = Math.ceil(input.bytes / 65_536)
    target = new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer, 0, input.bytes)
    link = input.slotDir === null
      ? await SocketInboundLink.connect(input.address, terms, clock)
      : await SharedMemoryInboundLink.connect(input.address, input.slotDir, input.threads, terms, clock)
    return
  }
  if (link === null) throw new Error('receive before open')
  const arrivals: Arrival[] = []
  for (let hop = input.firstHop; hop < input.firstHop + input.hops; hop++) {
    arrivals.push(await link.receive({ hop, owner: 0, target }))
    checkBlock(hop)
  }
  process.send?.({ endNs: arrivals.map((arrival) => arrival.endNs) })
}

process.on('message', (input) => void take(message.parse(input)))
process.on('disconnect', () => process.exit(0))
