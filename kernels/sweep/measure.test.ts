import { describe, expect, it } from 'vitest'
import { BackendUnavailableError } from '../backends/backend.ts'
import { parseRunConfig } from '../config/runConfig.ts'
import { planRun } from '../plan/planRun.ts'
import { BlockChecker, prepareBlock } from './block.ts'
import { measureTiles } from './measure.ts'
import type { SweepMessage, SweepRequest } from './protocol.ts'

const input = { world: 3, layout: 'zigzag', mask: 'causal', batch: 2, seqLen: 70, heads: 4, kvHeads: 2, headDim: 8 } as const
const config = parseRunConfig(input, 'test')

const request = (parts: Partial<SweepRequest> = {}): SweepRequest => ({
  kind: 'start', config: input, backend: 'tfjs-cpu', kernelsDir: '',
  tiles: [{ blockQ: 8, blockK: 8 }, { blockQ: 16, blockK: 24 }, { blockQ: 24, blockK: 5 }], repeats: 4, ...parts,
})

async function messagesOf(asked: SweepRequest): Promise<SweepMessage[]> {
  const messages: SweepMessage[] = []
  await measureTiles(asked, (message) => { messages.push(message) })
  return messages
}

describe('measureTiles', () => {
  it('checks every tile once, then measures each as often as asked, in a new order every repeat', async () => {
    const messages = await messagesOf(request())
    expect(messages[0]).toMatchObject({ kind: 'ready', device: expect.stringContaining('tfjs-cpu') as string })
    expect(messages.at(-1)).toEqual({ kind: 'done' })
    const checked = messages.filter((message) => message.kind === 'checked')
    expect(checked.map(({ tile }) => tile)).toEqual([0, 1, 2])
    for (const { maxAbsError } of checked) expect(maxAbsError).toBeLessThan(1e-5)
    const measured = messages.filter((message) => message.kind === 'measured')
    expect(measured).toHaveLength(12)
    const repeats = [0, 3, 6, 9].map((from) => measured.slice(from, from + 3).map(({ tile }) => tile))
    for (const order of repeats) expect(order.toSorted()).toEqual([0, 1, 2])
    expect(new Set(repeats.map((order) => order.join())).size).toBeGreaterThan(1)
    for (const { durationNs } of measured) expect(durationNs).toBeGreaterThan(0)
  })

  it('counts the work of rank 0 with its own block', async () => {
    const [ready] = await messagesOf(request({ repeats: 1 }))
    const plan = planRun(config)
    expect(ready).toMatchObject({ flops: plan.ranks[0].steps[0].pairs * 4 * 2 * 4 * 8 })
  })

  it('fails for a backend that cannot run', async () => {
    await expect(messagesOf(request({ backend: 'wasm', kernelsDir: '/nowhere' }))).rejects.toThrow(BackendUnavailableError)
  })
})

describe('BlockChecker', () => {
  it('sees output that is wrong, or that was never written', () => {
    const block = prepareBlock(config, 'tfjs-cpu', request().tiles)
    const checker = new BlockChecker(config, block)
    expect(checker.checkedRows).toBeGreaterThanOrEqual(8)
    expect(checker.maxAbsError()).toBeGreaterThan(0.1)
    block.work.side.out.fill(Number.NaN)
    expect(checker.maxAbsError()).toBe(Number.MAX_VALUE)
  })
})

describe('prepareBlock', () => {
  it('gives every tile scratch of its own', () => {
    const { arenas } = prepareBlock(config, 'wasm', request().tiles)
    const starts = arenas.map(({ scratchByteOffset }) => scratchByteOffset)
    expect(new Set(starts).size).toBe(3)
    for (const start of starts) expect(start % 64).toBe(0)
  })
})
