import { describe, expect, it } from 'vitest'
import { rankAt, seatOf } from '../../kernels/plan/geometry.ts'
import type { Move, Plan, StepPlan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { algorithmCases, describeCase, maskCases, planCases, testConfig } from '../../kernels/plan/testing/cases.ts'
import { type PlanFile, planFile } from './planFile.ts'
import type { MoveEntry } from './planPrograms.ts'

/** The rank whose ring position is `shift` away, as the Python sources read it. */
function rankFrom({ geometry }: Plan, { window, ringSize }: PlanFile['geometry'], rank: number, shift: number): number {
  const seat = seatOf(geometry, rank)
  const outer = (Math.floor(seat.position / window) + Math.floor(shift / window)) % (ringSize / window)
  return rankAt(geometry, { ...seat, position: outer * window + (seat.position + shift) % window })
}

const moveFacts = ({ channel, payload, peer, owner, place, settleStep }: Move): unknown[] =>
  [channel, payload, peer, owner, place.buffer, 'slot' in place ? place.slot : 'side' in place ? place.side : -1, settleStep]

/** What a cluster's rank goes by, from the plan itself. */
function stepFacts({ pass, stage, sends, recvs, work, queryOwner, kvOwner, folds, pairs }: StepPlan): unknown {
  if (stage === 'exchange') return { pass, exchange: sends[0].payload }
  return {
    pass, sends: sends.map(moveFacts), recvs: recvs.map(moveFacts), owners: queryOwner < 0 ? null : [queryOwner, kvOwner],
    folds: folds.map((fold) => ({ into: 0, ...fold })),
    // Forward work without pairs is none, whether it is written or not.
    work: work === null || (pass === 'forward' && pairs === 0) ? null : work,
  }
}

/** The same, read back from the file. */
function readSteps(plan: Plan, file: PlanFile, rank: number): unknown[] {
  const at = (shift: number): number => rankFrom(plan, file.geometry, rank, shift)
  return file.programs[file.ranks[rank][0]].map((entry, step) => {
    const { pass, exchange, query, key, work, sends = [], recvs = [], folds = [] } = file.steps[entry]
    if (exchange !== undefined) return { pass, exchange }
    const move = ([channel, payload, peer, owner, buffer, slot, settleIn]: MoveEntry): unknown[] =>
      [channel, payload, at(peer), at(owner), buffer, slot, step + settleIn]
    const { pairs } = plan.ranks[rank].steps[step]
    return {
      pass, sends: sends.map(move), recvs: recvs.map(move), owners: query === undefined || key === undefined ? null : [at(query), at(key)],
      folds: folds.map(([what, from, into]) => ({ what, from, into })),
      work: work === undefined || (pass === 'forward' && pairs === 0) ? null
        : { side: work[0], kvSlot: work[1], gradient: work[2] === null ? null : { slot: work[2], fresh: work[3] } },
    }
  })
}

describe('plan.json', () => {
  it.each([1, 2, 3, 4, 6])('%i ranks: every rank reads its own plan from it, for every algorithm, layout and mask', (world) => {
    let ranks = 0
    for (const planned of planCases(world, [3 * world + 1])) {
      const config = { ...planned, pass: 'forward-backward' } as const
      const plan = planRun(config)
      const file = planFile(config, plan, 'name')
      for (const { rank, steps, kvSlots, dkvSlots, sides, ownGradientSlot } of plan.ranks) {
        expect(readSteps(plan, file, rank), describeCase(config)).toEqual(steps.map(stepFacts))
        expect(file.ranks[rank].slice(1)).toEqual([kvSlots, dkvSlots, sides, ownGradientSlot])
        ranks++
      }
    }
    expect(ranks).toBeGreaterThan(world)
  })

  it('what all ranks do alike is written once: a ring, a double ring and Ulysses groups have one program', () => {
    for (const fields of algorithmCases(8).filter(({ algorithm }) => algorithm !== 'distflash')) {
      const config = testConfig({ seqLen: 64, ...fields, world: 8, pass: 'forward-backward', layout: 'contiguous' })
      expect(planFile(config, planRun(config), 'name').programs, describeCase(config)).toHaveLength(1)
    }
  })

  it('stays small: a ring of 1024 ranks, forward and backward, takes less than half a megabyte', () => {
    const config = testConfig({ world: 1024, seqLen: 8192, layout: 'contiguous', pass: 'forward-backward' })
    expect(JSON.stringify(planFile(config, planRun(config), 'name')).length).toBeLessThan(5e5)
  })

  it('names what it was made from, so that it is not run with another mask', () => {
    for (const fields of maskCases(32, 1)) {
      const config = testConfig({ world: 2, seqLen: 32, ...fields })
      expect(config).toMatchObject(planFile(config, planRun(config), 'name').madeFrom)
    }
  })
})
