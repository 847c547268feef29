import { describe, expect, it } from 'vitest'
import { parseRunConfig, type RunConfig, type RunConfigInput } from '../../config/runConfig.ts'
import type { Move, StepPlan } from '../../plan/plan.ts'
import { scheduleRank, type RankSchedule } from '../schedule.ts'
import { runInProcess } from './inProcessRing.ts'
import { MoveRuleError } from './memoryNetwork.ts'

const configOf = (input: Partial<RunConfigInput> = {}): RunConfig => parseRunConfig({
  world: 3, layout: 'striped', seqLen: 17, heads: 2, kvHeads: 1, headDim: 4, pass: 'forward-backward', blockQ: 8, blockK: 8, ...input,
}, 'test')

type StepChange = (step: StepPlan) => StepPlan

/** Plans of which rank 1's steps are changed. */
const changed = (change: StepChange) => (config: RunConfig, rank: number): RankSchedule => {
  const schedule = scheduleRank(config, rank)
  return rank === 1 ? { ...schedule, steps: schedule.steps.map((step) => ({ ...step, plan: change(step.plan) })) } : schedule
}

const run = (change: StepChange, config = configOf()) => runInProcess(config, 'tfjs-cpu', { kernelsDir: '', schedule: changed(change) })
const everyMove = (change: (move: Move) => Move): StepChange => (step) => ({ ...step, sends: step.sends.map(change), recvs: step.recvs.map(change) })
const isComplete = (values: Float32Array): boolean => values.every(Number.isFinite)

describe('a ring in one process', () => {
  it('gives every row a result, and the same in a second iteration', async () => {
    const first = await run((step) => step)
    const second = await runInProcess(configOf(), 'tfjs-cpu', { kernelsDir: '', iterations: 2 })
    for (const tensor of ['out', 'dq', 'dk', 'dv'] as const) {
      expect(isComplete(first[tensor])).toBe(true)
      expect(second[tensor]).toEqual(first[tensor])
    }
    // Two hops of K/V each way and two of gradients, of each of three ranks.
    expect(second.delivered).toHaveLength(3 * 6)
  })

  it('records each transfer at both ends', async () => {
    const { ranks, delivered } = await run((step) => step)
    const hops = ranks.map(({ spans }) => [...spans.hop].filter((hop) => hop >= 0).toSorted((a, b) => a - b))
    const both = delivered.flatMap(({ from, move }) => [[from, move.hop], [move.peer, move.hop]])
    hops.forEach((recorded, rank) => {
      expect(recorded).toEqual(both.filter(([at]) => at === rank).map(([, hop]) => hop).toSorted((a, b) => a - b))
    })
  })

  it('shows it when a step computes on a block that never came', async () => {
    const config = configOf({ overlap: false, layout: 'contiguous' })
    const { out } = await run((step) => step.step === 0 && step.work !== null ? { ...step, work: { ...step.work, kvSlot: 1 } } : step, config)
    expect(out.some(Number.isNaN)).toBe(true)
  })
})

describe('the network of a ring in one process refuses', () => {
  const refused = async (change: StepChange, message: RegExp, config?: RunConfig): Promise<void> => {
    await expect(run(change, config)).rejects.toThrow(message)
    await expect(run(change, config)).rejects.toBeInstanceOf(MoveRuleError)
  }

  it('a place that is computed on', async () => {
    await refused((step) => step.step === 0 ? { ...step, recvs: step.recvs.map((move) => ({ ...move, place: { buffer: 'kv', slot: 0 } })) } : step,
      /two moves share memory|attend touches a block under way: rank 1: recv/)
    await refused((step) => step.step === 0 && step.work !== null ? { ...step, work: { ...step.work, kvSlot: 1 } } : step,
      /attend touches a block under way: rank 1: recv of hop \d+ \(kv, \d+ B\) on kv from rank 0/)
  })

  it('a gradient that is computed where one is being sent', async () => {
    await refused((step) => step.pass === 'backward' && step.step === 4 && step.work !== null
      ? { ...step, work: { ...step.work, gradient: { slot: 0, fresh: true } } } : step,
    /attendBackward touches a block under way: rank 1: send .* \(dkv, /)
  })

  it('a sum made where a block arrives later, or of one that has left', async () => {
    const late = everyMove((move) => move.payload === 'dkv' ? { ...move, settleStep: move.settleStep + 1 } : move)
    await refused(late, /under way|share memory/)
  })

  it('a block of another size', async () => {
    await refused(everyMove((move) => ({ ...move, bytes: move.bytes + 4 })), /a block of \d+ B lies there: rank 1/)
  })

  it('ends that disagree about what a block is', async () => {
    await refused(everyMove((move) => ({ ...move, owner: 7 })), /two ends disagree: rank \d: send .*; rank \d: recv/)
  })

  it('ranks that wait for each other, with the moves they wait for', async () => {
    await refused(everyMove((move) => ({ ...move, hop: move.hop + 1000 })),
      /every rank waits for another: .*rank 1: recv of hop 10\d\d \(kv, \d+ B\) on kv from rank 0, iteration 0/)
  })

  it('a rank that waits for one that is done', async () => {
    await refused((step) => ({ ...step, sends: [] }), /every rank waits for another: .*rank 2: recv of hop \d+ .* from rank 1/,
      configOf({ layout: 'contiguous', pass: 'forward' }))
  })

  it('moves that are never settled', async () => {
    await refused(everyMove((move) => move.payload === 'dkv' ? { ...move, settleStep: 99 } : move), /never settled|share memory|under way/)
  })
})
