import { createArena, type RankArena } from '../../backends/arena.ts'
import type { AttentionBackend, ConcreteBackendId, QuerySide } from '../../backends/backend.ts'
import { createBackend, scratchBytes } from '../../backends/create.ts'
import type { RunConfig } from '../../config/runConfig.ts'
import { SpanRecorder, type SpanBatch } from '../../timeline/recorder.ts'
import { RankLoop } from '../rankLoop.ts'
import { scheduleRank, type RankSchedule } from '../schedule.ts'
import { type DeliveredMove, MemoryNetwork } from './memoryNetwork.ts'

const SPANS_PER_ITERATION = 1024

/** The whole problem's tensors, float32: out and dq [batch, heads, seqLen, headDim], dk and dv with kvHeads; empty without a backward pass. */
export interface GatheredTensors {
  readonly out: Float32Array
  readonly dq: Float32Array
  readonly dk: Float32Array
  readonly dv: Float32Array
}

export interface RingRank {
  readonly schedule: RankSchedule
  readonly arena: RankArena
  /** Of the last iteration. */
  readonly spans: SpanBatch
}

export interface RingResult extends GatheredTensors {
  readonly ranks: readonly RingRank[]
  /** Of the last iteration. */
  readonly delivered: readonly DeliveredMove[]
}

export interface RingOptions {
  readonly kernelsDir: string
  /** Passes, one after another in the same memory; 1 by default. */
  readonly iterations?: number
  /** Plans other than those of the config. */
  readonly schedule?: (config: RunConfig, rank: number) => RankSchedule
}

/**
 * Runs all ranks of a config in this process: their step loops side by side on a real backend, their blocks carried by a
 * {@link MemoryNetwork}. All memory is NaN before each iteration, but what the loop puts there.
 */
export async function runInProcess(
  config: RunConfig, id: ConcreteBackendId, { kernelsDir, iterations = 1, schedule: scheduleOf = scheduleRank }: RingOptions,
): Promise<RingResult> {
  const now = (): number => Math.round(performance.now() * 1e6)
  const members = Array.from({ length: config.world }, (_, rank) => {
    const schedule = scheduleOf(config, rank)
    const arena = createArena(schedule.arena, scratchBytes(id, schedule.arena))
    new Uint8Array(arena.memory.buffer).fill(0xff, 1024)
    return { schedule, arena, recorder: new SpanRecorder(SPANS_PER_ITERATION) }
  })
  const network = new MemoryNetwork(members)
  const backends = await Promise.all(members.map(({ schedule: { shape }, arena }) => createBackend(id, { shape, arena, config, kernelsDir })))
  try {
    const loops = members.map(({ schedule, arena, recorder }, rank) => new RankLoop({
      config, schedule, arena, now, mover: network.mover(rank), backend: guarded(backends[rank], network, rank),
      reporter: { spans: recorder, step: () => undefined, progress: () => undefined },
    }))
    for (let iteration = 0; iteration < iterations; iteration++) {
      for (const { arena, recorder } of members) {
        poison(arena)
        recorder.take()
      }
      network.delivered.length = 0
      network.start()
      await Promise.all(loops.map((loop) => loop.prepare(iteration)))
      await Promise.all(loops.map(async (loop, rank) => {
        try {
          await loop.iterate(0)
          network.finish(rank)
        } catch (error) {
          network.fail(error)
          throw error
        }
      }))
    }
  } finally {
    for (const backend of backends) await backend.dispose()
  }
  return {
    ...gather(config, members), delivered: network.delivered,
    ranks: members.map(({ schedule, arena, recorder }) => ({ schedule, arena, spans: recorder.take() })),
  }
}

function poison({ sides, kv, dkv, home }: RankArena): void {
  for (const tensors of [...sides, ...kv, ...dkv, home, ...home.parts]) {
    for (const tensor of Object.values(tensors) as unknown[]) {
      if (tensor instanceof Float32Array) tensor.fill(Number.NaN)
      else if (tensor instanceof Uint16Array) tensor.fill(0xffff)
    }
  }
}

/** A backend that may only touch memory that is not under way. */
function guarded(backend: AttentionBackend, network: MemoryNetwork, rank: number): AttentionBackend {
  const check = (what: string, reads: readonly Float32Array[], writes: readonly Float32Array[]): void => {
    network.checkAccess(rank, what, reads, writes)
  }
  const results = ({ out, lse }: QuerySide): Float32Array[] => [out, lse]
  return {
    id: backend.id, device: backend.device, computes: backend.computes,
    begin(side, spans) {
      check('begin', [side.q], results(side))
      return backend.begin(side, spans)
    },
    attend(work, spans) {
      check('attend', [work.side.q, work.slot.k, work.slot.v], results(work.side))
      return backend.attend(work, spans)
    },
    merge(side, partial, spans) {
      check('merge', results(partial), results(side))
      return backend.merge(side, partial, spans)
    },
    finish(side, spans) {
      check('finish', [], results(side))
      return backend.finish(side, spans)
    },
    beginBackward(side, spans) {
      check('beginBackward', [side.q, side.dOut, ...results(side)], [side.dq, ...(side.index === 0 ? [side.delta] : [])])
      return backend.beginBackward(side, spans)
    },
    attendBackward(work, spans) {
      const { side: { q, dOut, lse, delta, dq }, slot: { k, v }, gradient: { dk, dv } } = work
      check('attendBackward', [q, dOut, lse, delta, k, v], [dq, dk, dv])
      return backend.attendBackward(work, spans)
    },
    finishBackward(side, spans) {
      check('finishBackward', [], [side.dq])
      return backend.finishBackward(side, spans)
    },
    dispose: () => backend.dispose(),
  }
}

/** Puts every rank's own rows where they belong in the whole. What nobody owns stays NaN. */
function gather(config: RunConfig, members: readonly Pick<RingRank, 'schedule' | 'arena'>[]): GatheredTensors {
  const { batch, heads, kvHeads, seqLen, headDim, pass } = config
  const whole = (count: number): Float32Array => new Float32Array(batch * count * seqLen * headDim).fill(Number.NaN)
  const none = new Float32Array()
  const gathered = {
    out: whole(heads),
    dq: pass === 'forward' ? none : whole(heads), dk: pass === 'forward' ? none : whole(kvHeads), dv: pass === 'forward' ? none : whole(kvHeads),
  }
  for (const { schedule: { homePositions, firstItem, shape }, arena: { home } } of members) {
    for (const tensor of ['out', 'dq', 'dk', 'dv'] as const) {
      if (gathered[tensor].length === 0) continue
      const count = tensor === 'out' || tensor === 'dq' ? heads : kvHeads
      for (let slice = 0; slice < shape.batch * count; slice++) {
        homePositions.forEach((position, row) => {
          if (position >= seqLen) return
          const from = (slice * homePositions.length + row) * headDim
          gathered[tensor].set(home[tensor].subarray(from, from + headDim), ((firstItem * count + slice) * seqLen + position) * headDim)
        })
      }
    }
  }
  return gathered
}
