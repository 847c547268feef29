import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../config/runConfig.ts'
import { keyRanges } from '../plan/keyRanges.ts'
import { createArena } from './arena.ts'
import type { BackendSetup, SpanSink } from './backend.ts'
import { createModelledBackend } from './modelled.ts'

const shape = { batch: 1, heads: 1, kvHeads: 1, headDim: 4, tokens: 4, blockQ: 4, blockK: 4 }

function setup(model: { gflops: number } | null): BackendSetup {
  const config = parseRunConfig({ world: 1, seqLen: 4, heads: 1, headDim: 4, model }, 'test')
  return { shape, config, kernelsDir: '', arena: createArena(shape, 1, 0) }
}

describe('modelled backend', () => {
  it('waits flops / rate: over a pass never shorter, each span with its work', async () => {
    const { arena, ...rest } = setup({ gflops: 2 })
    const backend = createModelledBackend({ arena, ...rest })
    const spans: { category: string; startNs: number; endNs: number; flops?: number }[] = []
    const sink: SpanSink = {
      now: () => Number(process.hrtime.bigint()),
      record: (category, startNs, endNs, facts) => { spans.push({ category, startNs, endNs, ...facts }) },
    }
    const positions = Int32Array.of(0, 1, 2, 3)
    const ranges = keyRanges('causal', positions, positions, 4)
    await backend.begin()
    const works = [4e6, 0, 2e6, 6e6]
    for (const flops of works) await backend.attend({ slot: arena.slots[0], ranges, flops }, sink)
    await backend.finish()

    expect(spans.map(({ category }) => category)).toEqual(['compute', 'compute', 'compute', 'compute'])
    expect(spans.map(({ flops }) => flops)).toEqual(works)
    const waitedNs = spans.reduce((sum, span) => sum + span.endNs - span.startNs, 0)
    // 12e6 flops at 2 GFLOP/s are 6 ms. The last wait may be cut by what the others overshot, never by more.
    expect(waitedNs).toBeGreaterThan(5.99e6)
    expect(arena.out.every((value) => value === 0)).toBe(true)
    expect(backend.computes).toBe(false)
    expect(backend.device).toContain('modelled')
  })

  it('needs a rate', () => {
    expect(() => createModelledBackend(setup(null))).toThrow(/set {"gflops": number}/)
  })
})
