import type { AttentionBackend, SpanSink } from '../backends/backend.ts'
import { createBackend } from '../backends/create.ts'
import { parseRunConfig } from '../config/runConfig.ts'
import { BlockChecker, prepareBlock } from './block.ts'
import { visitingOrder } from './order.ts'
import type { SweepMessage, SweepRequest } from './protocol.ts'

const nowNs = (): number => Number(process.hrtime.bigint())
const NO_SPANS: SpanSink = { now: nowNs, record: () => undefined }

/** Lets messages out and a parent's end be noticed between two measurements. */
const breathe = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/**
 * Measures every tile: once to warm up and to check its output, then `repeats` times, each repeat visiting all tiles in
 * an order of its own. What is timed is one `attend`: the ring step with its copies in and its merging, without taking
 * in the queries and without normalising, which happen once a pass.
 */
export async function measureTiles(request: SweepRequest, report: (message: SweepMessage) => void): Promise<void> {
  const config = parseRunConfig(request.config, 'the sweep\'s config')
  const block = prepareBlock(config, request.backend, request.tiles)
  const { shape, arenas, work } = block
  const checker = new BlockChecker(config, block)
  const backends: AttentionBackend[] = []
  try {
    for (const [at, tile] of request.tiles.entries()) {
      backends.push(await createBackend(request.backend, {
        shape: { ...shape, ...tile }, arena: arenas[at], config, kernelsDir: request.kernelsDir,
      }))
    }
    const pass = async (backend: AttentionBackend): Promise<number> => {
      await backend.begin(work.side, NO_SPANS)
      const startNs = nowNs()
      await backend.attend(work, NO_SPANS)
      const durationNs = nowNs() - startNs
      await backend.finish(work.side, NO_SPANS)
      return durationNs
    }
    report({ kind: 'ready', device: backends[0].device, flops: work.flops })
    for (const [tile, backend] of backends.entries()) {
      work.side.out.fill(Number.NaN)
      await pass(backend)
      report({ kind: 'checked', tile, maxAbsError: checker.maxAbsError() })
      await breathe()
    }
    for (let repeat = 0; repeat < request.repeats; repeat++) {
      for (const tile of visitingOrder(backends.length, repeat)) {
        report({ kind: 'measured', tile, durationNs: await pass(backends[tile]) })
        await breathe()
      }
    }
    report({ kind: 'done' })
  } finally {
    for (const backend of backends) await backend.dispose()
  }
}
