import { expect, it } from 'vitest'
import { InvalidLseError } from '../../attention/merge.ts'
import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { RankArena } from '../arena.ts'
import type { AttentionBackend, RankShape, SpanSink } from '../backend.ts'
import type { Tolerance } from '../tolerance.ts'
import { bruteForce, bruteForceGradients, type ReferenceBlock } from '../wasm/bruteForce.ts'
import { MASKS, rangesOf, silent } from '../wasm/fixture.ts'

/** A backend with two K/V slots, two gradient slots and two query sides, inputs in [-1, 1). */
export interface Problem {
  readonly shape: RankShape
  readonly arena: RankArena
  readonly backend: AttentionBackend
}

export interface RecordedSpan {
  readonly category: string
  readonly startNs: number
  readonly endNs: number
  readonly flops?: number
  readonly bytes?: number
  readonly cpuNs?: number
}

export function recordingSink(): { sink: SpanSink; spans: RecordedSpan[] } {
  const spans: RecordedSpan[] = []
  const now = (): number => Number(process.hrtime.bigint())
  return { spans, sink: { now, record: (category, startNs, endNs, facts) => { spans.push({ category, startNs, endNs, ...facts }) } } }
}

/** A forward and a backward pass of side 0 over its blocks, block i in slot i. */
export async function bothPasses({ arena, backend }: Problem, masks: readonly (readonly KeyRanges[])[], sink: SpanSink = silent): Promise<void> {
  const { sides: [side], kv, dkv } = arena
  await backend.begin(side, sink)
  for (const [index, ranges] of masks.entries()) await backend.attend({ side, slot: kv[index], ranges, flops: 4000 }, sink)
  await backend.finish(side, sink)
  await backend.beginBackward(side, sink)
  for (const [index, ranges] of [...masks.entries()].reverse()) {
    await backend.attendBackward({ side, slot: kv[index], ranges, flops: 10_000, gradient: dkv[index], fresh: true }, sink)
  }
  await backend.finishBackward(side, sink)
}

/** Largest |actual - expected|; Infinity for a NaN or where one is infinite and the other is not. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0
  for (let at = 0; at < expected.length; at++) {
    if (Object.is(actual[at], expected[at])) continue
    const error = Math.abs(actual[at] - expected[at])
    largest = error <= largest ? largest : Number.isNaN(error) ? Infinity : error
  }
  return largest
}

/** What {@link bothPasses} left against float64. */
export function expectExact({ shape, arena }: Problem, masks: readonly (readonly KeyRanges[])[], { output, gradient }: Tolerance): void {
  const { sides: [side], kv, dkv } = arena
  const blocks: ReferenceBlock[] = masks.map((ranges, index) => ({ k: kv[index].k, v: kv[index].v, ranges }))
  const expected = { ...bruteForce(shape, side.q, blocks), ...bruteForceGradients(shape, side.q, side.dOut, blocks) }
  expect(largestError(side.out, expected.out), 'out').toBeLessThan(output)
  expect(largestError(side.lse, expected.lse), 'lse').toBeLessThan(output)
  expect(largestError(side.dq, expected.dq), 'dq').toBeLessThan(gradient)
  expected.blocks.forEach(({ dk, dv }, index) => {
    expect(largestError(dkv[index].dk, dk), `dk of block ${index}`).toBeLessThan(gradient)
    expect(largestError(dkv[index].dv, dv), `dv of block ${index}`).toBeLessThan(gradient)
  })
}

/**
 * What every backend that keeps its accumulators on a device must do beside computing right.
 * @param use runs a test on a problem and gives it back
 */
export function itKeepsTheContract(use: (sizes: Partial<RankShape>, test: (problem: Problem) => Promise<void>) => Promise<void>, tolerance: Tolerance): void {
  it('leaves rows without keys exactly 0, forward and backward, whatever they and unattended keys hold', () => use({ batch: 1 }, async (problem) => {
    const { arena: { sides: [side], kv: [slot], dkv: [gradient] }, shape: { headDim, heads, kvHeads, tokens } } = problem
    // As in the last shard of a padded sequence: real rows below 50, nothing behind.
    const ranges = rangesOf(tokens, (row) => (row < 50 ? [0, row + 1] : [0, 0]))
    const paddingOf = (tensor: Float32Array): Float32Array[] =>
      Array.from({ length: tensor.length / (tokens * headDim) }, (_, slice) => tensor.subarray((slice * tokens + 50) * headDim, (slice + 1) * tokens * headDim))
    const padding = [side.q, side.dOut, slot.k, slot.v].flatMap(paddingOf)
    expect(padding).toHaveLength(2 * heads + 2 * kvHeads)
    for (const rows of padding) rows.fill(Number.NaN)
    for (const result of [side.out, side.lse, side.delta, side.dq, gradient.dk, gradient.dv]) result.fill(Number.NaN)
    await bothPasses(problem, [[ranges]])
    for (const rows of [side.out, side.dq, gradient.dk, gradient.dv].flatMap(paddingOf)) expect(rows.every((value) => Math.abs(value) === 0)).toBe(true)
    for (let head = 0; head < heads; head++) {
      const [from, to] = [head * tokens + 50, (head + 1) * tokens]
      expect(side.lse.subarray(from, to).every((lse) => lse === -Infinity)).toBe(true)
      expect(side.delta.subarray(from, to).every((delta) => delta === 0)).toBe(true)
    }
    for (const rows of padding) rows.fill(0)
    expectExact(problem, [[ranges]], tolerance)
  }))

  it('ends a pass without blocks, and one whose blocks have no pairs, as zeros', () => use({}, async ({ arena, backend, shape }) => {
    const { sides: [side], kv: [slot], dkv: [gradient] } = arena
    const work = { side, slot, ranges: [rangesOf(shape.tokens, () => [3, 3])], flops: 0 }
    await backend.begin(side, silent)
    await backend.finish(side, silent)
    expect(side.out.every((value) => value === 0)).toBe(true)
    side.out.fill(7)
    gradient.dk.fill(7)
    await backend.begin(side, silent)
    await backend.attend(work, silent)
    await backend.finish(side, silent)
    await backend.beginBackward(side, silent)
    await backend.attendBackward({ ...work, gradient, fresh: true }, silent)
    await backend.finishBackward(side, silent)
    for (const zeros of [side.out, side.dq, side.delta, gradient.dk, gradient.dv]) expect(zeros.every((value) => value === 0)).toBe(true)
    expect(side.lse.every((lse) => lse === -Infinity)).toBe(true)
  }))

  it.each([16, 7])('adds to gradients that are not fresh, and to what others added to dq, headDim %i', (headDim) => use({ headDim }, async (problem) => {
    const { arena: { sides: [side], kv: [slot], dkv: [gradient] }, backend, shape: { tokens } } = problem
    const ranges = [MASKS['causal with the diagonal'](tokens)]
    await bothPasses(problem, [ranges])
    const once = { dq: side.dq.slice(), dk: gradient.dk.slice(), dv: gradient.dv.slice() }
    await backend.beginBackward(side, silent)
    side.dq.fill(3)
    await backend.attendBackward({ side, slot, ranges, flops: 1, gradient, fresh: false }, silent)
    await backend.finishBackward(side, silent)
    expect(largestError(side.dq, once.dq.map((value) => value + 3))).toBeLessThan(1e-5)
    expect(largestError(gradient.dk, once.dk.map((value) => 2 * value))).toBeLessThan(1e-5)
    expect(largestError(gradient.dv, once.dv.map((value) => 2 * value))).toBeLessThan(1e-5)
  }))

  it('interleaves passes over two sides, and merges a finished partial result into another', () => use({}, async ({ arena, backend, shape }) => {
    const { sides: [own, helped], kv, dkv: [, gradient] } = arena
    const { tokens, headDim } = shape
    helped.q.set(own.q)
    helped.dOut.set(own.dOut)
    // Row 0 has keys in the partial result alone; every third row (1, 4, ...) has none there.
    const blocks: ReferenceBlock[] = [
      { k: kv[0].k, v: kv[0].v, ranges: [MASKS['causal without the diagonal (row 0 empty)'](tokens)] },
      { k: kv[1].k, v: kv[1].v, ranges: [rangesOf(tokens, (row) => (row % 3 === 1 ? [0, 0] : [5, 20]))] },
    ]
    await backend.begin(own, silent)
    await backend.begin(helped, silent)
    await backend.attend({ side: own, slot: kv[0], ranges: blocks[0].ranges, flops: 1 }, silent)
    await backend.attend({ side: helped, slot: kv[1], ranges: blocks[1].ranges, flops: 1 }, silent)
    await backend.finish(helped, silent)
    helped.lse.forEach((lse, row) => {
      if (lse === -Infinity) helped.out.fill(Number.NaN, row * headDim, (row + 1) * headDim)
    })
    await backend.merge(own, helped, silent)
    helped.out.fill(Number.NaN)
    helped.lse.fill(Number.NaN)
    await backend.finish(own, silent)
    const expected = { ...bruteForce(shape, own.q, blocks), ...bruteForceGradients(shape, own.q, own.dOut, blocks) }
    expect(largestError(own.out, expected.out)).toBeLessThan(tolerance.output)
    expect(largestError(own.lse, expected.lse)).toBeLessThan(tolerance.output)

    // The helper's backward pass takes lse and delta as they came: it must not compute delta by itself.
    await backend.beginBackward(own, silent)
    helped.lse.set(own.lse)
    helped.delta.set(own.delta)
    await backend.beginBackward(helped, silent)
    await backend.attendBackward({ side: helped, slot: kv[1], ranges: blocks[1].ranges, flops: 1, gradient, fresh: true }, silent)
    await backend.finishBackward(helped, silent)
    await backend.finishBackward(own, silent)
    expect(largestError(gradient.dk, expected.blocks[1].dk)).toBeLessThan(tolerance.gradient)
    expect(largestError(gradient.dv, expected.blocks[1].dv)).toBeLessThan(tolerance.gradient)
  }))

  it('survives scores of +-1e4', () => use({ batch: 1 }, async (problem) => {
    const { sides: [side], dkv: [gradient] } = problem.arena
    side.q.forEach((value, at) => { side.q[at] = 10_000 * value })
    await bothPasses(problem, [[MASKS['causal with the diagonal'](problem.shape.tokens)]])
    expect(Math.max(...side.lse.map(Math.abs))).toBeGreaterThan(1e4)
    expect(side.out.every((value) => Math.abs(value) <= 1.001)).toBe(true)
    for (const gradients of [side.dq, gradient.dk, gradient.dv]) expect(gradients.every((value) => Number.isFinite(value))).toBe(true)
  }))

  it('keeps no hold of a slot after a block, nor of queries after begin, since others overwrite them', () => use({}, async ({ arena, backend, shape }) => {
    const { sides: [side], kv: [slot], dkv: [gradient] } = arena
    const [q, dOut, k, v] = [side.q, side.dOut, slot.k, slot.v].map((tensor) => tensor.slice())
    const ranges = [MASKS['causal with the diagonal'](shape.tokens)]
    await backend.begin(side, silent)
    side.q.fill(Number.NaN)
    await backend.attend({ side, slot, ranges, flops: 1 }, silent)
    slot.k.fill(Number.NaN)
    slot.v.fill(Number.NaN)
    await backend.finish(side, silent)
    side.q.set(q)
    slot.k.set(k)
    slot.v.set(v)
    await backend.beginBackward(side, silent)
    side.q.fill(Number.NaN)
    side.dOut.fill(Number.NaN)
    await backend.attendBackward({ side, slot, ranges, flops: 1, gradient, fresh: true }, silent)
    slot.k.fill(Number.NaN)
    slot.v.fill(Number.NaN)
    await backend.finishBackward(side, silent)
    const expected = bruteForceGradients(shape, q, dOut, [{ k, v, ranges }])
    expect(largestError(side.out, bruteForce(shape, q, [{ k, v, ranges }]).out)).toBeLessThan(tolerance.output)
    expect(largestError(side.dq, expected.dq)).toBeLessThan(tolerance.gradient)
    expect(largestError(gradient.dk, expected.blocks[0].dk)).toBeLessThan(tolerance.gradient)
  }))

  it('refuses to merge a log-sum-exp that stands for nothing, and to attend without a pass', () => use({ tokens: 30 }, async ({ arena, backend }) => {
    const { sides: [own, partial], kv: [slot] } = arena
    const work = { side: own, slot, ranges: [MASKS['every key'](30)], flops: 1 }
    await expect(async () => backend.attend(work, silent)).rejects.toThrow(/side 0 has no (forward )?pass/)
    await backend.begin(own, silent)
    partial.lse.fill(0)
    partial.lse[5] = Infinity
    await expect(backend.merge(own, partial, silent)).rejects.toThrow(InvalidLseError)
    await backend.finish(own, silent)
  }))

  it('records copies, compute with its work, and merging, one after another on the clock of the run', () => use({}, async (problem) => {
    const { shape: { batch, heads, kvHeads, headDim, tokens } } = problem
    const { sink, spans } = recordingSink()
    const ranges = [MASKS['every key'](tokens)]
    await bothPasses(problem, [ranges, ranges], sink)
    // What precedes the backward blocks is not a step's work.
    expect(spans.map(({ category }) => category)).toEqual([
      'h2d', 'h2d', 'compute', 'h2d', 'compute', 'merge', 'd2h',
      'merge', 'h2d', 'h2d', 'compute', 'd2h', 'h2d', 'compute', 'd2h', 'd2h',
    ])
    expect(spans.filter(({ category }) => category === 'compute').map(({ flops }) => flops)).toEqual([4000, 4000, 10_000, 10_000])
    const bytes = { query: 4 * batch * heads * tokens * headDim, keys: 2 * 4 * batch * kvHeads * tokens * headDim }
    expect([spans[0].bytes, spans[11].bytes, spans[15].bytes]).toEqual([bytes.query, bytes.keys, bytes.query])
    expect(spans[1].bytes).toBeGreaterThanOrEqual(bytes.keys)
    spans.forEach((span, at) => {
      expect(span.endNs).toBeGreaterThanOrEqual(span.startNs)
      if (at > 0) expect(span.startNs).toBeGreaterThanOrEqual(spans[at - 1].endNs)
      if (span.flops !== undefined) expect(span.endNs).toBeGreaterThan(span.startNs)
    })
  }))
}
