import { describe, expect, test } from 'vitest'
import type { RunConfigInput } from '../../../kernels/config/runConfig.ts'
import type { LayoutAnswer } from '../../../preload/contract/planner.ts'
import { layoutAnswers } from './layouts.ts'
import { askedCluster, askedConfig } from './testQuestions.ts'

const cluster = askedCluster()
const tiled = (block: number) => ({ device: { ...cluster.device, tile: { blockQ: block, blockK: block } } })
const ofLayout = (answers: readonly LayoutAnswer[], layout: string): LayoutAnswer | undefined => answers.find((answer) => answer.layout === layout)

describe('idle time by layout', () => {
  test.each([
    // Reference section 2.5, S = 256.
    [{ world: 8, cyclicWidth: 4 }, 0.4657, 0.0265, 0, 0.0982], [{ world: 8, cyclicWidth: 8 }, 0.4657, 0.0265, 0, 0.1789], [{ world: 8, cyclicWidth: 16 }, 0.4657, 0.0265, 0, 0.3035],
    [{ world: 4 }, 0.4276, 0.0115, 0, null], [{ world: 2 }, 0.3325, 0.0039, 0, null],
  ] satisfies [Partial<RunConfigInput>, number, number, number, number | null][])('golden: %j', (fields, contiguous, striped, zigzag, cyclic) => {
    const answers = layoutAnswers(askedConfig({ seqLen: 256, ...fields }), cluster)
    expect(ofLayout(answers, 'contiguous')?.idleFraction).toBeCloseTo(contiguous, 4)
    expect(ofLayout(answers, 'striped')?.idleFraction).toBeCloseTo(striped, 4)
    expect(ofLayout(answers, 'zigzag')?.idleFraction).toBe(zigzag)
    if (cyclic !== null) expect(ofLayout(answers, 'block-cyclic')?.idleFraction).toBeCloseTo(cyclic, 4)
  })

  test.each([2, 4, 8, 16])('N=%i: closed forms of idle time', (world) => {
    const c = 128
    const answers = layoutAnswers(askedConfig({ world, seqLen: c * world }), cluster)
    const all = (c * world * (c * world + 1)) / 2
    expect(ofLayout(answers, 'contiguous')?.idleFraction).toBeCloseTo(1 - all / (world * ((world - 1) * c * c + (c * (c + 1)) / 2)), 12)
    expect(ofLayout(answers, 'striped')?.idleFraction).toBeCloseTo((world - 1) / (world * (c + 1)), 12)
  })

  test('coarse tiles take the gain of striped, not of zigzag: a quarter of a shard, and all of one', () => {
    const config = askedConfig({ seqLen: 256 })
    const gain = (block: number, layout: string): number | null | undefined => ofLayout(layoutAnswers(config, tiled(block)), layout)?.tileSpeedupOverContiguous
    expect(gain(8, 'striped')).toBeCloseTo(122 / 80, 12)
    expect(gain(8, 'zigzag')).toBeCloseTo(122 / 66, 12)
    expect(gain(32, 'striped')).toBe(1)
  })

  test('rings side by side share the batch, and are as idle as one', () => {
    const one = layoutAnswers(askedConfig({ world: 4, seqLen: 256 }), cluster)
    const two = layoutAnswers(askedConfig({ world: 8, ringSets: 2, batch: 2, seqLen: 256 }), cluster)
    expect(two.map(({ idleFraction }) => idleFraction)).toEqual(one.map(({ idleFraction }) => expect.closeTo(idleFraction, 12) as number))
  })

  test('a mask that leaves nothing to compute leaves nothing to gain', () => {
    for (const { idleFraction, speedupOverContiguous } of layoutAnswers(askedConfig({ keyPadding: [0] }), cluster)) expect([idleFraction, speedupOverContiguous]).toEqual([0, 1])
  })
})
