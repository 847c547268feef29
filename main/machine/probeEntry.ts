/**
 * Entry of a short-lived process that computes one small attention with one backend and says how that went. Doctor
 * starts it, so that a native addon that crashes takes nothing else with it.
 */
import { verifyShard, VERIFY_TOLERANCE } from '../../kernels/attention/verify.ts'
import { fillTensor } from '../../kernels/attention/inputs.ts'
import { createArena } from '../../kernels/backends/arena.ts'
import type { ConcreteBackendId, RankShape, SpanSink } from '../../kernels/backends/backend.ts'
import { createBackend, scratchBytes } from '../../kernels/backends/create.ts'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { keyRanges } from '../../kernels/plan/keyRanges.ts'
import { positionsOf, shardRuns } from '../../kernels/plan/layout.ts'
import { runClock } from '../../kernels/timeline/clock.ts'
import { parentChannel } from '../../kernels/rank/parentChannel.ts'
import { probeRequest, type ProbeAnswer } from './backendProbe.ts'

// The clock must run: the modelled backend waits by it.
const NO_SPANS: SpanSink = { now: runClock(process.hrtime.bigint()).now, record: () => undefined }

async function computeSmallAttention(id: ConcreteBackendId, kernelsDir: string): Promise<ProbeAnswer> {
  const config = parseRunConfig({
    world: 1, layout: 'contiguous', seqLen: 48, heads: 2, headDim: 16, blockQ: 16, blockK: 16, backend: id,
    model: id === 'modelled' ? { gflops: 100 } : null,
  }, 'the probe')
  const { batch, heads, kvHeads, headDim, blockQ, blockK, seqLen: tokens } = config
  const shape: RankShape = { batch, heads, kvHeads, headDim, tokens, blockQ, blockK }
  const arena = createArena(shape, 1, scratchBytes(id, shape))
  const positions = positionsOf(shardRuns(config.layout, 1, tokens, 0))
  fillTensor(arena.q, config.seed, 'q', batch, heads, positions, headDim)
  fillTensor(arena.slots[0].k, config.seed, 'k', batch, kvHeads, positions, headDim)
  fillTensor(arena.slots[0].v, config.seed, 'v', batch, kvHeads, positions, headDim)

  const backend = await createBackend(id, { shape, arena, config, kernelsDir })
  const ranges = keyRanges(config.mask, positions, positions, tokens)
  await backend.begin(NO_SPANS)
  await backend.attend({ slot: arena.slots[0], ranges, flops: 4 * heads * headDim * tokens * tokens / 2 }, NO_SPANS)
  await backend.finish(NO_SPANS)
  const { device, computes } = backend
  await backend.dispose()
  if (!computes) return { ok: true, device, maxAbsError: null }
  const { maxAbsError } = verifyShard(config, positions, arena.out, arena.lse)
  // A device may round to 10 bits of mantissa in products; a wrong kernel is wrong by far more.
  const tolerance = id === 'tensorflow' ? 1e-2 : VERIFY_TOLERANCE
  return maxAbsError <= tolerance
    ? { ok: true, device, maxAbsError }
    : { ok: false, reason: `computes wrong results: off by ${maxAbsError.toExponential(1)}` }
}

async function answer(): Promise<ProbeAnswer> {
  try {
    const { backend, kernelsDir } = probeRequest(process.env)
    return await computeSmallAttention(backend, kernelsDir)
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

const parent = parentChannel()
// Listening keeps this process until its parent ends it: the end of a process can overtake its last message.
parent.onMessage(() => undefined)
parent.send(await answer())
