/**
 * Entry of a short-lived process that computes one small attention with one backend and says how that went. Doctor
 * starts it, so that a native addon that crashes takes nothing else with it.
 */
import { verifyRank } from '../../kernels/attention/verify.ts'
import { fillTensor } from '../../kernels/attention/inputs.ts'
import { createArena } from '../../kernels/backends/arena.ts'
import { BackendUnavailableError, type ConcreteBackendId, type SpanSink } from '../../kernels/backends/backend.ts'
import { createBackend, scratchBytes } from '../../kernels/backends/create.ts'
import { toleranceOf } from '../../kernels/backends/tolerance.ts'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { scheduleRank } from '../../kernels/rank/schedule.ts'
import { runClock } from '../../kernels/timeline/clock.ts'
import { parentChannel } from '../../kernels/rank/parentChannel.ts'
import { probeRequest, type ProbeAnswer } from './backendProbe.ts'

// The clock must run: the modelled backend waits by it.
const NO_SPANS: SpanSink = { now: runClock(process.hrtime.bigint()).now, record: () => undefined }

/** One block, forward and backward. */
async function computeSmallAttention(id: ConcreteBackendId, kernelsDir: string): Promise<ProbeAnswer> {
  const config = parseRunConfig({
    world: 1, layout: 'contiguous', seqLen: 48, heads: 2, headDim: 16, blockQ: 16, blockK: 16, backend: id, pass: 'forward-backward',
    model: id === 'modelled' ? { gflops: 100 } : null,
  }, 'the probe')
  const { seed, batch, heads, kvHeads, headDim } = config
  const schedule = scheduleRank(config, 0)
  const { shape, positions, steps } = schedule
  const arena = createArena(schedule.arena, scratchBytes(id, schedule.arena))
  const { sides: [side], kv: [slot], dkv: [gradient] } = arena
  for (const [tensor, target, count] of [['q', side.q, heads], ['k', slot.k, kvHeads], ['v', slot.v, kvHeads], ['dout', side.dOut, heads]] as const) {
    fillTensor(target, seed, tensor, batch, count, positions, headDim)
  }

  const backend = await createBackend(id, { shape, arena, config, kernelsDir })
  const { device, computes } = backend
  try {
    for (const { plan, work } of steps) {
      if (work === null) continue
      const block = { ...work, side, slot }
      if (plan.pass === 'forward') {
        await backend.begin(side, NO_SPANS)
        await backend.attend(block, NO_SPANS)
        await backend.finish(side, NO_SPANS)
      } else {
        await backend.beginBackward(side, NO_SPANS)
        await backend.attendBackward({ ...block, gradient, fresh: true }, NO_SPANS)
        await backend.finishBackward(side, NO_SPANS)
      }
    }
  } finally {
    await backend.dispose()
  }
  if (!computes) return { ok: true, device, maxAbsError: null }
  const { maxAbsError, maxAbsGradError } = verifyRank(config, schedule, arena)
  const tolerance = toleranceOf(id, config.wireDtype)
  if (maxAbsError <= tolerance.output && (maxAbsGradError ?? 0) <= tolerance.gradient) return { ok: true, device, maxAbsError }
  return { ok: false, reason: `computes wrong results: off by ${maxAbsError.toExponential(1)}, gradients by ${(maxAbsGradError ?? 0).toExponential(1)}` }
}

async function answer(): Promise<ProbeAnswer> {
  try {
    const { backend, kernelsDir } = probeRequest(process.env)
    return await computeSmallAttention(backend, kernelsDir)
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error), absent: error instanceof BackendUnavailableError }
  }
}

const parent = parentChannel()
// Listening keeps this process until its parent ends it: the end of a process can overtake its last message.
parent.onMessage(() => undefined)
parent.send(await answer())
