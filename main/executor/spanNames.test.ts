import { describe, expect, it } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { spanName, type SpanFactsForName } from './spanNames.ts'

const planOf = (fields: Partial<RunConfigInput>): Plan =>
  planRun(parseRunConfig({ world: 4, seqLen: 64, heads: 4, headDim: 4, pass: 'forward-backward', ...fields }, 'test'))

const nameIn = (plan: Plan) => (facts: Partial<SpanFactsForName> & Pick<SpanFactsForName, 'category'>): string =>
  spanName(plan, { rank: 1, lane: 'compute', step: 2, peer: -1, payload: 'none', flops: Number.NaN, ...facts })

describe('names of spans in a ring', () => {
  const name = nameIn(planOf({}))

  it('name the block that a rank attends to, hands on and gets, in either pass', () => {
    expect(name({ category: 'compute', flops: 8 })).toBe('step 2 · KV of rank 3')
    expect(name({ category: 'compute', flops: 8, step: 4 })).toBe('backward step 4 · KV of rank 2')
    expect(name({ category: 'send', lane: 'send', peer: 2, payload: 'kv' })).toBe('send KV of rank 3 → rank 2')
    expect(name({ category: 'recv', lane: 'recv', peer: 0, payload: 'kv' })).toBe('receive KV of rank 2 ← rank 0')
    expect(name({ category: 'send', lane: 'send gradient', peer: 0, payload: 'dkv', step: 5 })).toBe('send gradient of rank 2 → rank 0')
    expect(name({ category: 'recv', lane: 'recv gradient', peer: 2, payload: 'dkv', step: 5 })).toBe('receive gradient of rank 3 ← rank 2')
  })

  it('tell work from a delay, and whom or what a rank waits for', () => {
    expect(name({ category: 'compute' })).toBe('straggler delay')
    expect(name({ category: 'wait-peer', peer: 0, payload: 'kv' })).toBe('wait for rank 0 to send KV')
    expect(name({ category: 'wait-peer', peer: 2, payload: 'kv' })).toBe('wait for rank 2 to take KV')
    expect(name({ category: 'wait-link', peer: 0, payload: 'kv' })).toBe('wire from rank 0 · KV')
    expect(name({ category: 'wait-link', peer: 0, payload: 'dkv', step: 5 })).toBe('wire to rank 0 · gradient')
  })

  it('do without a payload, as in old traces, and outside steps', () => {
    expect(name({ category: 'wait-peer', peer: 0 })).toBe('wait for rank 0 to send')
    expect(name({ category: 'wait-link', peer: 2 })).toBe('wire to rank 2')
    expect(name({ category: 'compute', step: -1 })).toBe('compute')
    expect(name({ category: 'merge', step: -1 })).toBe('begin or finish a pass')
    expect(nameIn(planOf({ pass: 'forward' }))({ category: 'merge', step: -1 })).toBe('finish output')
    expect(name({ category: 'barrier', step: -1 })).toBe('barrier')
  })

  it('name what is merged and copied', () => {
    expect(name({ category: 'merge' })).toBe('merge step 2')
    expect(name({ category: 'merge', step: 5 })).toBe('backward merge step 5 · add gradient')
    expect(name({ category: 'h2d' })).toBe('step 2 to device')
    expect(name({ category: 'd2h', step: -1 })).toBe('result to host')
  })
})

describe('names of spans in other algorithms', () => {
  it('a block for the next window is told from one for the next rank', () => {
    const name = nameIn(planOf({ algorithm: 'double-ring', window: 2 }))
    expect(name({ category: 'send', lane: 'send outer', step: 0, peer: 3, payload: 'kv' })).toBe('send KV of rank 1 → rank 3')
    expect(name({ category: 'send', lane: 'send', step: 0, peer: 0, payload: 'kv' })).toBe('send KV of rank 1 → rank 0')
  })

  it('the outer block that a window ends with is waited for long after it was posted', () => {
    const name = nameIn(planOf({ algorithm: 'double-ring', window: 2 }))
    expect(name({ category: 'wait-link', step: 1, peer: 3, payload: 'kv' })).toBe('wire from rank 3 · KV')
    expect(name({ category: 'recv', lane: 'recv outer', step: 1, peer: 3, payload: 'kv' })).toBe('receive KV of rank 3 ← rank 3')
  })

  it('parts of an all-to-all are told by the peer', () => {
    const name = nameIn(planOf({ algorithm: 'ulysses' }))
    expect(name({ category: 'send', lane: 'send all-to-all', step: 0, peer: 3, payload: 'qkv' })).toBe('send all-to-all QKV → rank 3')
    expect(name({ category: 'recv', lane: 'recv all-to-all', step: 2, peer: 0, payload: 'out' })).toBe('receive all-to-all output ← rank 0')
    expect(name({ category: 'merge', step: 0 })).toBe('copy own part')
    expect(nameIn(planOf({ algorithm: 'ulysses', kvHeads: 2 }))({ category: 'merge', step: 5 })).toBe('copy own part, sum shared gradients')
  })

  it('a rank helps another one and gives the result back', () => {
    const name = nameIn(planOf({ algorithm: 'distflash', layout: 'contiguous', world: 6 }))
    expect(name({ category: 'compute', flops: 1, step: 2 })).toBe('step 2 · helping rank 5')
    expect(name({ category: 'send', lane: 'send result', step: 3, peer: 5, payload: 'partial' })).toBe('send result of rank 5 → rank 5')
    expect(name({ category: 'merge', rank: 5, step: 3 })).toBe('merge step 3 · join result of rank 1')
  })
})
