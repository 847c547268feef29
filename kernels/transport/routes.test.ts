import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../config/runConfig.ts'
import { planRun } from '../plan/planRun.ts'
import { recvsOf, routesOf, sendsOf, tmpfsBytes } from './routes.ts'

const plan = (changes: Record<string, unknown>) => planRun(parseRunConfig({
  world: 4, seqLen: 64, heads: 4, headDim: 8, layout: 'contiguous', pass: 'forward-backward', ...changes,
}, 'test'))
/** 16 tokens x 4 heads x 8 floats, K and V. */
const BLOCK = 2 * 16 * 4 * 8 * 4

describe('routes', () => {
  it('of a ring lead to both neighbours, K/V from its file and gradients through the link\'s', () => {
    const { ranks } = plan({})
    expect(routesOf(sendsOf(ranks[1]), 1)).toEqual([
      { channel: 'kv', peer: 2, largestBytes: BLOCK, stagedBytes: 0 },
      { channel: 'kv', peer: 0, largestBytes: BLOCK, stagedBytes: 0 },
      { channel: 'dkv', peer: 0, largestBytes: BLOCK, stagedBytes: BLOCK },
    ])
  })

  it.each([
    {}, { algorithm: 'double-ring', window: 2 }, { algorithm: 'ulysses' }, { algorithm: 'hybrid', ulyssesDegree: 2 }, { algorithm: 'distflash' }, { wireDtype: 'bfloat16' },
  ])('of %j are the same at both ends', (changes) => {
    const { ranks, geometry: { degree } } = plan(changes)
    const ends = (of: typeof sendsOf, flip: boolean): string[] => ranks.flatMap((rank) => routesOf(of(rank), degree).map(({ channel, peer, ...bytes }) =>
      `${channel} ${flip ? peer : rank.rank}-${flip ? rank.rank : peer} ${JSON.stringify(bytes)}`)).toSorted()
    expect(ends(sendsOf, false)).toEqual(ends(recvsOf, true))
  })
})

describe('tmpfsBytes', () => {
  it('is a block a rank, and the gradient\'s beside it in a backward pass', () => {
    expect(tmpfsBytes(plan({ pass: 'forward' }))).toBe(4 * BLOCK)
    expect(tmpfsBytes(plan({}))).toBe(4 * 2 * BLOCK)
    expect(tmpfsBytes(plan({ world: 1 }))).toBe(0)
  })

  it('counts a file for each pair of a Ulysses group, of its largest part', () => {
    // Each member sends 3 others a head of its 16 tokens: Q, K and V at most.
    expect(tmpfsBytes(plan({ algorithm: 'ulysses' }))).toBe(4 * 3 * (3 * 16 * 8 * 4))
  })
})
