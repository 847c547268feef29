import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checksumWeight, fillTensor } from '../attention/inputs.ts'
import { kvHeadOf, referenceRows } from '../attention/reference.ts'
import { VERIFY_TOLERANCE, verifyShard } from '../attention/verify.ts'
import { LAYOUTS, MASKS, parseRunConfig, type RunConfig, type RunConfigInput } from '../config/runConfig.ts'
import { keyRanges } from '../plan/keyRanges.ts'
import { positionsOf } from '../plan/layout.ts'
import { planRun } from '../plan/plan.ts'
import { createArena } from './arena.ts'
import type { ConcreteBackendId, SpanSink } from './backend.ts'
import { createBackend, scratchBytes } from './create.ts'

const kernelsDir = join(import.meta.dirname, '../../out/kernels')
const silent: SpanSink = { now: () => Number(process.hrtime.bigint()), record: () => undefined }

interface GlobalOutput {
  /** [batch, heads, seqLen, headDim]. */
  readonly out: Float32Array
  /** [batch, heads, seqLen]. */
  readonly lse: Float32Array
  readonly checksum: number
  readonly maxAbsError: number
  readonly flops: number
}

/** Runs the plan of a config rank after rank in this process: every block straight from the inputs, no transport. */
async function ringOutput(config: RunConfig, id: ConcreteBackendId): Promise<GlobalOutput> {
  const { batch, heads, kvHeads, headDim, seqLen, blockQ, blockK, seed, mask } = config
  const plan = planRun(config)
  const shards = plan.ranks.map((rank) => positionsOf(rank.positions))
  const out = new Float32Array(batch * heads * seqLen * headDim)
  const lse = new Float32Array(batch * heads * seqLen)
  let checksum = 0
  let maxAbsError = 0
  let flops = 0
  for (const rank of plan.ranks) {
    const positions = shards[rank.rank]
    const shape = { batch, heads, kvHeads, headDim, tokens: plan.shardTokens, blockQ, blockK }
    const arena = createArena(shape, 2, scratchBytes(id, shape))
    const backend = await createBackend(id, { shape, arena, config, kernelsDir })
    fillTensor(arena.q, seed, 'q', batch, heads, positions, headDim)
    await backend.begin(silent)
    for (const step of rank.steps) {
      const slot = arena.slots[step.step % 2]
      const keyPositions = shards[step.kvOwner]
      fillTensor(slot.k, seed, 'k', batch, kvHeads, keyPositions, headDim)
      fillTensor(slot.v, seed, 'v', batch, kvHeads, keyPositions, headDim)
      if (step.pairs === 0) continue
      flops += step.pairs * plan.flopsPerPair
      await backend.attend({ slot, ranges: keyRanges(mask, positions, keyPositions, seqLen), flops: step.pairs * plan.flopsPerPair }, silent)
    }
    await backend.finish(silent)
    await backend.dispose()
    const verified = verifyShard(config, positions, arena.out, arena.lse)
    checksum += verified.checksum
    maxAbsError = Math.max(maxAbsError, verified.maxAbsError)
    for (let slice = 0; slice < batch * heads; slice++) {
      positions.forEach((position, row) => {
        if (position >= seqLen) return
        const from = slice * positions.length + row
        const to = slice * seqLen + position
        lse[to] = arena.lse[from]
        out.set(arena.out.subarray(from * headDim, (from + 1) * headDim), to * headDim)
      })
    }
  }
  return { out, lse, checksum, maxAbsError, flops }
}

/** The whole output by definition, in float64. */
function denseOutput(config: RunConfig): { out: Float64Array; lse: Float64Array; checksum: number } {
  const { batch, heads, seqLen, headDim } = config
  const out = new Float64Array(batch * heads * seqLen * headDim)
  const lse = new Float64Array(batch * heads * seqLen)
  let checksum = 0
  for (let item = 0; item < batch; item++) {
    const queries = Array.from({ length: heads * seqLen }, (_, at) => ({ head: Math.floor(at / seqLen), position: at % seqLen }))
    referenceRows(config, item, queries).forEach((row, at) => {
      const index = item * heads * seqLen + at
      const { head, position } = queries[at]
      lse[index] = row.lse
      out.set(row.out, index * headDim)
      row.out.forEach((value, dim) => {
        checksum += value * checksumWeight(config.seed, item, head, kvHeadOf(config, head), position, dim)
      })
    })
  }
  return { out, lse, checksum }
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0
  for (let at = 0; at < a.length; at++) most = Math.max(most, Number.isNaN(a[at]) ? Infinity : Math.abs(a[at] - b[at]))
  return most
}

/** Lengths that no world divides, grouped-query heads, two batch items, tiles that do not divide the shard. */
const problem: RunConfigInput = {
  world: 1, batch: 2, seqLen: 53, heads: 4, kvHeads: 2, headDim: 16, blockQ: 8, blockK: 12, seed: 21,
}
const tiny: RunConfigInput = { ...problem, batch: 1, seqLen: 21, heads: 2, kvHeads: 1, headDim: 8, blockQ: 2, blockK: 3 }

const hasKernels = existsSync(join(kernelsDir, 'attention.simd.wasm'))
const BACKENDS = [['tfjs-cpu', true], ['tfjs-wasm', true], ['wasm', hasKernels]] as const

describe.each(BACKENDS)('a ring on %s', (id, present) => {
  describe.skipIf(!present).each(MASKS)('%s mask', (mask) => {
    const cases: [string, RunConfigInput][] = [
      ...[1, 2, 3, 4].map((world): [string, RunConfigInput] => [`${world} ranks`, { ...problem, world }]),
      ['8 ranks, more than tokens divide into', { ...tiny, world: 8 }],
    ]
    it.each(cases)('gives the same output in every layout, that of the definition: %s', async (_, input) => {
      const expected = denseOutput(parseRunConfig({ ...input, mask }, 'test'))
      const outputs: GlobalOutput[] = []
      for (const layout of LAYOUTS) {
        const output = await ringOutput(parseRunConfig({ ...input, mask, layout }, 'test'), id)
        expect(largestDifference(output.out, expected.out), layout).toBeLessThan(VERIFY_TOLERANCE)
        expect(largestDifference(output.lse, expected.lse), layout).toBeLessThan(VERIFY_TOLERANCE)
        expect(output.maxAbsError, layout).toBeLessThan(VERIFY_TOLERANCE)
        expect(Math.abs(output.checksum - expected.checksum), layout).toBeLessThan(1e-6 * Math.abs(expected.checksum))
        expect(output.flops, layout).toBe(outputs[0]?.flops ?? output.flops)
        outputs.push(output)
      }
      expect(outputs).toHaveLength(LAYOUTS.length)
      for (const output of outputs) expect(largestDifference(output.out, outputs[0].out)).toBeLessThan(2e-6)
    })
  })
})

describe('the comparison itself', () => {
  it('notices a key block that went to the wrong step', async () => {
    const config = parseRunConfig({ ...problem, world: 2, mask: 'full', layout: 'contiguous' }, 'test')
    const expected = denseOutput(config)
    const other = await ringOutput({ ...config, seed: config.seed + 1 }, 'tfjs-cpu')
    expect(largestDifference(other.out, expected.out)).toBeGreaterThan(0.1)
    expect(Math.abs(other.checksum - expected.checksum)).toBeGreaterThan(1e-3 * Math.abs(expected.checksum))
  })
})
