import { z } from 'zod'
import { BlockFile, publishedPath, stagedPath } from '../kernels/transport/blockFile.ts'
import { IncomingWire } from '../kernels/transport/emulatedLink.ts'
import { InboundLink } from '../kernels/transport/inboundLink.ts'
import type { Arrival } from '../kernels/transport/links.ts'
import { runClock } from '../kernels/timeline/clock.ts'

/** The receiving process of the transport bench. */
const message = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('open'), address: z.string(), slotDir: z.string().nullable(), threads: z.number(), bytes: z.number(), originNs: z.string(),
  }),
  z.object({ type: z.literal('receive'), firstHop: z.number(), hops: z.number(), published: z.boolean() }),
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
    const clock = runClock(BigInt(input.originNs))
    const pages = Math.ceil(input.bytes / 65_536)
    target = new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer, 0, input.bytes)
    const { slotDir, threads, bytes } = input
    link = await InboundLink.connect(input.address, {
      rank: 1, world: 2, clock, wire: new IncomingWire(null),
      route: { channel: 'kv', peer: 0, largestBytes: bytes, stagedBytes: bytes },
      carrier: slotDir === null ? 'through-socket' : {
        published: new Map([[0, BlockFile.open(publishedPath(slotDir, 0))]]),
        staged: BlockFile.open(stagedPath(slotDir, 'kv', 0, 1)), threads,
      },
    })
    return
  }
  if (link === null) throw new Error('receive before open')
  const arrivals: Arrival[] = []
  for (let hop = input.firstHop; hop < input.firstHop + input.hops; hop++) {
    arrivals.push(await link.receive({
      hop, owner: 0, parts: [target], bytes: target.length, published: input.published, decode: () => undefined,
    }))
    checkBlock(hop)
  }
  process.send?.({ endNs: arrivals.map((arrival) => arrival.endNs) })
}

process.on('message', (input) => void take(message.parse(input)))
process.on('disconnect', () => process.exit(0))
