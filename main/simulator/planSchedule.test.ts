import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAYOUTS } from '../../kernels/config/runConfig.ts'
import type { Move, Plan, StepPlan, StepSink } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { IncomingWire, OutgoingWire, wireClassOf } from '../../kernels/transport/emulatedLink.ts'
import { UNDISTURBED } from './circumstances.ts'
import { emulatedCluster, type RingRates } from './emulatedCluster.ts'
import { type PlanSchedule, planSchedule } from './planSchedule.ts'
import { anyConfig, anyLink, configOf } from './testConfigs.ts'
import { UnworkablePlanError } from './unworkablePlan.ts'

/** Where one pair takes one ns. */
const scheduleOf = (plan: Plan, link: RingRates['link'] = null, overlap = true, stragglers: Readonly<Record<string, number>> = {}): PlanSchedule =>
  planSchedule(plan, {
    cluster: emulatedCluster(plan.basis.config, { gflopsPerRank: plan.flopsPerPair, link }), disturbance: UNDISTURBED, overlap, stragglers,
  })

const freely = (fields: Parameters<typeof configOf>[0]): { plan: Plan; schedule: PlanSchedule } => {
  const config = configOf(fields)
  const plan = planRun(config)
  return { plan, schedule: scheduleOf(plan, null, config.overlap, config.stragglers) }
}

interface PlannedMove extends Move {
  readonly rank: number
  readonly step: number
}

const endsOf = (plan: Plan, ends: 'sends' | 'recvs'): PlannedMove[] =>
  plan.ranks.flatMap(({ rank, steps }) => steps.flatMap((step) => step[ends].map((move) => ({ ...move, rank, step: step.step }))))

/** Tells a step that is an object. */
function tell(plan: Plan, { step, pass, stage, queryOwner, kvOwner, sends, recvs }: StepPlan, sink: StepSink): void {
  const positionOf = (rank: number): number => (rank < 0 ? -1 : plan.ranks[rank].seat.position)
  sink.block(step, pass, stage, positionOf(queryOwner), positionOf(kvOwner))
  for (const direction of ['send', 'recv'] as const) {
    for (const { channel, payload, peer, owner, bytes, hop, place, settleStep } of direction === 'send' ? sends : recvs) {
      sink.move(direction, channel, payload, peer, owner, bytes, hop, place, settleStep)
    }
  }
}

/** A plan with its steps changed. */
function changed(plan: Plan, change: (step: StepPlan, rank: number) => StepPlan): Plan {
  const ranks = plan.ranks.map((rank) => ({ ...rank, steps: rank.steps.map((step) => change(step, rank.rank)) }))
  return { ...plan, ranks, emitStep: (rank, step, sink) => { tell(plan, ranks[rank].steps[step], sink) } }
}

describe('free communication', () => {
  for (const layout of LAYOUTS) {
    for (const world of [1, 2, 4, 8]) {
      test(`${layout} on ${world} ranks: ranks that run free of each other need as long as with a barrier at every step`, () => {
        const { plan, schedule } = freely({ world, layout })
        expect(schedule.makespanNs).toBe(plan.makespanPairs)
      })

      test(`${layout} on ${world} ranks: forward and backward last 3.5 times the forward pass`, () => {
        const { plan, schedule } = freely({ world, layout, pass: 'forward-backward' })
        expect(schedule.makespanNs).toBe(3.5 * plan.makespanPairs)
      })
    }
  }

  test.each([2, 4, 8, 16])('the balanced schedule of DistFlashAttention idles 1/(N+1) on %i ranks', (world) => {
    const { plan, schedule } = freely({ world, algorithm: 'distflash', layout: 'contiguous', seqLen: 2048 * world })
    const idle = 1 - plan.totalPairs / (world * schedule.makespanNs)
    expect(idle).toBeCloseTo(1 / (world + 1), 3)
  })

  test('a double ring, a Ulysses group and ring sets take as long as their plans say', () => {
    for (const fields of [
      { world: 8, algorithm: 'double-ring', window: 4, mask: 'full' }, { world: 8, algorithm: 'ulysses', seqLen: 80 },
      { world: 8, algorithm: 'hybrid', ulyssesDegree: 2, mask: 'full' }, { world: 8, ringSets: 2, batch: 2 },
    ] as const) {
      const { plan, schedule } = freely(fields)
      expect(schedule.makespanNs).toBe(plan.makespanPairs)
    }
  })
})

describe('with a link', () => {
  test('a ring follows the recurrence of an asynchronous ring whose hops are rendezvous', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), fc.constantFrom(...LAYOUTS), fc.boolean(), anyLink, fc.double({ min: 1, max: 4, noNaN: true }),
      (world, layout, overlap, link, slow) => {
        const plan = planRun(configOf({ world, layout }))
        const { steps } = scheduleOf(plan, link, overlap, { 0: slow })
        const wireNs = plan.bytesPerHop / link.bandwidthGBps
        let enter = plan.ranks.map(() => 0)
        for (let step = 0; step < world; step++) {
          const end = enter.map((ns, rank) => ns + plan.ranks[rank].steps[step].pairs * (rank === 0 ? slow : 1))
          const posted = overlap ? enter : end
          const start = posted.map((ns, rank) => Math.max(ns, posted[(rank + 1) % world]))
          const next = end.map((ns, rank) => step === world - 1 ? ns
            : Math.max(ns, start[rank] + wireNs, start[(rank + world - 1) % world] + link.latencyUs * 1000 + wireNs))
          for (let rank = 0; rank < world; rank++) {
            expect(steps.enterNs[rank * world + step]).toBeCloseTo(enter[rank], 3)
            expect(steps.leaveNs[rank * world + step]).toBeCloseTo(next[rank], 3)
          }
          enter = next
        }
      }))
  })

  test('the outer hop of a double ring hides behind its window, however slow the link', () => {
    // Hops of three steps: a window of four ranks makes its inner hops in 9 steps and computes the last one in 1.
    const world = 8
    const window = 4
    const config = configOf({ world, algorithm: 'double-ring', window, mask: 'full' })
    const plan = planRun(config)
    const stepNs = plan.ranks[0].steps[0].pairs
    const link = { bandwidthGBps: plan.bytesPerHop / (3 * stepNs), latencyUs: 0 }
    expect(scheduleOf(plan, link, true).makespanNs).toBeCloseTo((world / window) * ((window - 1) * 3 + 1) * stepNs, 3)
    const ring = planRun(configOf({ world, mask: 'full' }))
    expect(scheduleOf(ring, link, true).makespanNs).toBeCloseTo(((world - 1) * 3 + 1) * stepNs, 3)
  })

  test('backward, K/V and its gradient take turns on one wire', () => {
    const plan = planRun(configOf({ world: 4, mask: 'full', pass: 'forward-backward' }))
    const stepNs = plan.ranks[0].steps[0].pairs
    // Forward hops of 2 steps; backward of K/V and a gradient, 2 + 2 steps behind 2.5. The first sends K/V alone.
    const link = { bandwidthGBps: plan.bytesPerHop / (2 * stepNs), latencyUs: 0 }
    const expected = (3 * 2 + 1) + 2.5 + (4 + 4) + 2.5
    expect(scheduleOf(plan, link, true).makespanNs).toBeCloseTo(expected * stepNs, 3)
  })

  test('nothing hides an all-to-all', () => {
    const degree = 4
    const plan = planRun(configOf({ world: degree, algorithm: 'ulysses', mask: 'full' }))
    const link = { bandwidthGBps: 0.5, latencyUs: 3 }
    const bytes = plan.traffic.reduce((sum, { hops, bytesPerHop }) => sum + hops * bytesPerHop, 0)
    expect(plan.traffic.map(({ payload, hops }) => [payload, hops])).toEqual([['qkv', degree - 1], ['out', degree - 1]])
    for (const overlap of [true, false]) {
      expect(scheduleOf(plan, link, overlap).makespanNs).toBeCloseTo(plan.makespanPairs + bytes / 0.5 + 2 * 3000, 3)
    }
  })

  test('moves take the executor\'s emulated wires: one at a time from a rank, one at a time into a channel', () => {
    fc.assert(fc.property(anyConfig, anyLink, (config, link) => {
      const plan = planRun(config)
      const { moves } = scheduleOf(plan, link, config.overlap, config.stragglers)
      const wires = Map.groupBy(endsOf(plan, 'sends'), ({ rank, channel }) => `${rank} ${wireClassOf(channel)}`)
      for (const sends of wires.values()) {
        const wire = new OutgoingWire(link)
        const inTurn = sends.map(({ hop, bytes }) => ({ at: hop, bytes })).sort((a, b) => moves.startNs[a.at] - moves.startNs[b.at])
        for (const { at, bytes } of inTurn) {
          const startNs = wire.take(moves.readyNs[at], bytes)
          // The emulation rounds every instant to whole ns.
          expect(Math.abs(startNs - moves.startNs[at])).toBeLessThanOrEqual(sends.length)
          expect(Math.abs(wire.departure(moves.readyNs[at], startNs, 0, bytes).endNs - moves.sentNs[at])).toBeLessThanOrEqual(sends.length + 1)
        }
      }
      const inlets = Map.groupBy(endsOf(plan, 'recvs'), ({ rank, channel }) => `${rank} ${channel}`)
      for (const recvs of inlets.values()) {
        const wire = new IncomingWire(link)
        for (const { hop: at, bytes } of recvs) {
          const real = { senderStartNs: moves.readyNs[at], startNs: 0, endNs: 0 }
          const { startNs, endNs } = wire.arrival(real, moves.startNs[at], bytes)
          expect(Math.abs(startNs - moves.arrivingNs[at])).toBeLessThanOrEqual(recvs.length + 1)
          expect(Math.abs(endNs - moves.arrivedNs[at])).toBeLessThanOrEqual(recvs.length + 1)
        }
      }
    }))
  })

  test('nothing happens before what it waits for, in any algorithm', () => {
    fc.assert(fc.property(anyConfig, anyLink, (config, link) => {
      const plan = planRun(config)
      const { steps, moves, at, makespanNs } = scheduleOf(plan, link, config.overlap, config.stragglers)
      for (const { rank, step, hop, settleStep } of [...endsOf(plan, 'sends'), ...endsOf(plan, 'recvs')]) {
        const posted = (config.overlap ? steps.enterNs : steps.computeEndNs)[at(rank, step)]
        const isSend = plan.ranks[rank].steps[step].sends.some((move) => move.hop === hop)
        const end = (isSend ? moves.sentNs : moves.arrivedNs)[hop]
        expect(moves.readyNs[hop]).toBeGreaterThanOrEqual(posted)
        expect(end).toBeLessThanOrEqual(steps.leaveNs[at(rank, config.overlap ? settleStep : step)])
      }
      for (const { rank } of plan.ranks) {
        for (let step = 1; step < plan.stepCount; step++) expect(steps.enterNs[at(rank, step)]).toBe(steps.leaveNs[at(rank, step - 1)])
        expect(steps.leaveNs[at(rank, plan.stepCount - 1)]).toBeLessThanOrEqual(makespanNs)
      }
    }))
  })
})

describe('plans that do not work are refused', () => {
  const plan = planRun(configOf({ world: 3 }))
  const run = (bad: Plan) => () => scheduleOf(bad)

  test('a block that nobody expects, and one that nobody sends', () => {
    expect(run(changed(plan, (step, rank) => (rank === 1 && step.step === 0 ? { ...step, recvs: [] } : step)))).toThrow(/rank 0 sends a block to rank 1, which does not expect it/)
    expect(run(changed(plan, (step, rank) => (rank === 1 && step.step === 0 ? { ...step, sends: [] } : step)))).toThrow(/rank 2 expects a block from rank 1, which does not send it/)
  })

  test('a block that is sent to another rank than expects it, and one that is sent twice', () => {
    const elsewhere = (step: StepPlan): StepPlan => ({ ...step, sends: step.sends.map((move) => ({ ...move, peer: 2 })) })
    expect(run(changed(plan, (step, rank) => (rank === 0 && step.step === 0 ? elsewhere(step) : step)))).toThrow(UnworkablePlanError)
    const twice = (step: StepPlan): StepPlan => ({ ...step, sends: [...step.sends, ...step.sends] })
    expect(run(changed(plan, (step, rank) => (rank === 0 && step.step === 0 ? twice(step) : step)))).toThrow(/hop 0 of rank 0 and rank 1 at step 0/)
  })

  test('moves that wait for each other in a circle', () => {
    const sends = plan.ranks.map(({ steps }) => steps[0].sends)
    const late = changed(plan, (step, rank) =>
      step.step === 0 ? { ...step, sends: [] } : step.step === 1 ? { ...step, sends: [...sends[rank], ...step.sends] } : step)
    expect(run(late)).toThrow(/rank 0 waits at step 0 for moves that can never begin/)
  })
})
