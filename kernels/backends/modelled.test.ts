import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../config/runConfig.ts'
import { keyRanges } from '../plan/keyRanges.ts'
import { computeSpec, createArena } from './arena.ts'
import type { BackendSetup, SpanSink } from './backend.ts'
import { createModelledBackend } from './modelled.ts'

const shape = { batch: 1, heads: 1, kvHeads: 1, headDim: 4, tokens: 4, blockQ: 4, blockK: 4 }

function setup(model: { gflops: number } | null): BackendSetup {
  const config = parseRunConfig({ world: 1, seqLen: 4, heads: 1, headDim: 4, model }, 'test')
  return { shape, config, kernelsDir: '', arena: createArena({ ...computeSpec(shape, true), sides: 2 }, 0) }
}

describe('modelled backend', () => {
  it.each(['forward', 'backward'] as const)('waits flops / rate in a %s pass: over all never shorter, each span with its work', async (pass) => {
    const { arena, ...rest } = setup({ gflops: 2 })
    const backend = createModelledBackend({ arena, ...rest })
    const spans: { category: string; startNs: number; endNs: number; flops?: number }[] = []
    const sink: SpanSink = {
      now: () => Number(process.hrtime.bigint()),
      record: (category, startNs, endNs, facts) => { spans.push({ category, startNs, endNs, ...facts }) },
    }
    const positions = Int32Array.of(0, 1, 2, 3)
    const ranges = [keyRanges(rest.config, 0, positions, positions)]
    const [side, other] = arena.sides
    const block = { side, slot: arena.kv[0], ranges }
    const works = [4e6, 0, 2e6, 6e6]
    if (pass === 'forward') {
      await backend.begin(side)
      for (const flops of works) {
        // Helping another rank in between does not make up for anything.
        await backend.begin(other)
        await backend.attend({ ...block, flops }, sink)
        await backend.finish()
      }
      await backend.merge()
      await backend.finish()
    } else {
      await backend.beginBackward(side)
      for (const flops of works) await backend.attendBackward({ ...block, flops }, sink)
      await backend.finishBackward()
    }

    expect(spans.map(({ category }) => category)).toEqual(['compute', 'compute', 'compute', 'compute'])
    expect(spans.map(({ flops }) => flops)).toEqual(works)
    const waitedNs = spans.reduce((sum, span) => sum + span.endNs - span.startNs, 0)
    // 12e6 flops at 2 GFLOP/s are 6 ms. The last wait may be cut by what the others overshot, never by more.
    expect(waitedNs).toBeGreaterThan(5.99e6)
    for (const tensor of [side.out, side.dq, arena.dkv[0].dk]) expect(tensor.every((value) => value === 0)).toBe(true)
    expect(backend.computes).toBe(false)
    expect(backend.device).toContain('modelled')
  })

  it('needs a rate', () => {
    expect(() => createModelledBackend(setup(null))).toThrow(/set {"gflops": number}/)
  })
})
