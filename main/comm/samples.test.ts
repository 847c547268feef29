import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTraces } from '../traces/open/openTraces.ts'
import { SAMPLE_TRACES } from '../traces/testing/sampleTraces.ts'
import { communicationOf } from './communication.ts'

describe.skipIf(!existsSync(SAMPLE_TRACES))('communication in sample traces (skipped where there are none)', () => {
  test('two ranks of 128, their SendRecv kernels collectives of unknown members: nothing is claimed that is not known', async () => {
    const [timeline] = await openTraces(['rank-0', 'rank-1'].map((name) => join(SAMPLE_TRACES, `kineto-two-ranks/${name}.json.gz`)))
    const { kernels, matches, splits, notes } = communicationOf(timeline)
    expect(kernels).toHaveLength(20)
    expect(kernels.map(({ kind }) => kind)).not.toContain('send-recv')
    expect(matches.every(({ complete }) => !complete)).toBe(true)
    expect(new Set(splits.map(({ method }) => method))).toEqual(new Set(['estimate']))
    expect(notes).toContainEqual(expect.stringContaining('all-to-all kernels of stream 84: their order would have some end before those that they need began'))
    expect(timeline.trace?.clock).toMatchObject({ aligned: true, method: 'file base times; no matched kernels refine them' })
  })

  test('one rank of eight that only makes all-to-alls and all-reduces', async () => {
    const [timeline] = await openTraces([join(SAMPLE_TRACES, 'compare-pair/control.json.gz')])
    const { kernels, matches } = communicationOf(timeline)
    expect([kernels.filter(({ kind }) => kind === 'all-to-all').length, kernels.filter(({ kind }) => kind === 'all-reduce').length]).toEqual([42, 18])
    expect(matches).toEqual([])
  })

  test('sizes from what the annotation around the launch was given: an estimate compares kernels that moved as much', async () => {
    const [timeline] = await openTraces([join(SAMPLE_TRACES, 'compare-pair/control.json.gz')])
    const { kernels, splits } = communicationOf(timeline)
    expect(kernels.every(({ bytes }) => bytes !== null)).toBe(true)
    expect(kernels[0].bytes).toBe(8 * 1024 * 8816 * 4)
    const [waitNs, transferNs] = [splits.reduce((sum, split) => sum + split.waitNs, 0), splits.reduce((sum, split) => sum + split.transferNs, 0)]
    expect(waitNs / (waitNs + transferNs)).toBeLessThan(0.6)
  })

  test('full arguments: group, members and bytes of every kernel', async () => {
    const [timeline] = await openTraces([join(SAMPLE_TRACES, 'kineto-nccl-args/nccl-data.json.gz')])
    const { kernels } = communicationOf(timeline)
    expect(kernels).toHaveLength(21)
    expect(kernels.every(({ group, members, bytes }) => group === 'group 0 of ranks 0,1' && members?.length === 2 && bytes !== null)).toBe(true)
    expect(kernels.find(({ kind }) => kind === 'all-reduce')).toMatchObject({ bytes: expect.any(Number) })
  })
})
