import { describe, expect, it } from 'vitest'
import { createArena, type RankArena } from '../backends/arena.ts'
import type { AttentionBackend, SpanSink } from '../backends/backend.ts'
import { parseRunConfig } from '../config/runConfig.ts'
import { RANK_LANES, SPAN_CATEGORIES, PAYLOADS } from '../timeline/categories.ts'
import type { Mover, PostedMoves, SettledMove } from './mover.ts'
import { RankLoop } from './rankLoop.ts'
import { Reporter } from './reporter.ts'
import { scheduleRank, type RankSchedule } from './schedule.ts'

interface Span {
  readonly lane: string
  readonly category: string
  readonly step: number
  readonly startNs: number
  readonly endNs: number
  readonly peer: number
  readonly payload: string
  readonly flops: number
}

/** A clock that only moves when something takes time. */
class Stage {
  readonly log: string[] = []
  readonly #tickNs: number
  nowNs = 0

  /** @param tickNs how far the clock moves when it is read: what waits by the clock needs one that runs. */
  constructor(tickNs: number) {
    this.#tickNs = tickNs
  }

  readonly now = (): number => {
    this.nowNs += this.#tickNs
    return this.nowNs
  }

  say(what: string, ns = 0): void {
    this.log.push(what)
    this.nowNs += ns
  }
}

const ATTEND_NS = 1000

/** Takes time and says what it was asked, and leaves a trace in the gradients that it was to overwrite or add to. */
function backendOn(stage: Stage, arena: RankArena, computes = true): AttentionBackend {
  const slotOf = (slot: unknown): number => arena.kv.findIndex((known) => known === slot)
  const record = (spans: SpanSink, flops: number): void => spans.record('compute', stage.nowNs - ATTEND_NS, stage.nowNs, { flops })
  return {
    id: 'tfjs-cpu', device: 'none', computes,
    begin: async ({ index }) => stage.say(`begin ${index}`),
    attend: async ({ side, slot, flops }, spans) => {
      stage.say(`attend ${side.index} to kv ${slotOf(slot)}`, ATTEND_NS)
      record(spans, flops)
    },
    merge: async (into, from) => stage.say(`merge ${from.index} into ${into.index}`),
    finish: async ({ index }) => stage.say(`finish ${index}`),
    beginBackward: async ({ index }) => stage.say(`begin backward ${index}`),
    attendBackward: async ({ side, slot, gradient, fresh, flops }, spans) => {
      const into = arena.dkv.findIndex((known) => known === gradient)
      stage.say(`gradient of ${side.index} and kv ${slotOf(slot)} ${fresh ? 'into' : 'onto'} ${into}`, ATTEND_NS)
      for (const values of [gradient.dk, gradient.dv]) values.forEach((value, at) => { values[at] = (fresh ? 0 : value) + 1 })
      record(spans, flops)
    },
    finishBackward: async ({ index }) => stage.say(`finish backward ${index}`),
    dispose: async () => undefined,
  }
}

/** Says what it was asked; everything arrives the moment it is waited for, unless `settled` says otherwise. */
function moverOn(stage: Stage, arrive: (moves: SettledMove[], step: number, stage: Stage) => readonly SettledMove[] = (moves) => moves): Mover {
  const outstanding: SettledMove[] = []
  return {
    publish: async () => stage.say('publish'),
    post: ({ sends, recvs }: PostedMoves) => {
      const names = [...sends.map((move) => `${move.payload} to ${move.peer}`), ...recvs.map((move) => `${move.payload} from ${move.peer}`)]
      stage.say(`post ${names.join(', ')}`)
      const ns = stage.nowNs
      outstanding.push(...sends.map((move): SettledMove => ({ direction: 'send', move, times: { startNs: ns, endNs: ns } })),
        ...recvs.map((move): SettledMove => ({ direction: 'recv', move, times: { senderStartNs: ns, startNs: ns, endNs: ns } })))
    },
    settle: async (step) => {
      const due = outstanding.filter(({ move }) => move.settleStep <= step)
      const later = outstanding.filter(({ move }) => move.settleStep > step)
      outstanding.splice(0, outstanding.length, ...later)
      if (due.length > 0) stage.say(`settle ${due.length}`)
      return arrive(due, step, stage)
    },
  }
}

interface Scene {
  readonly stage: Stage
  readonly arena: RankArena
  readonly schedule: RankSchedule
  readonly spans: readonly Span[]
}

async function played(
  rank: number, changes: Record<string, unknown>,
  { computes = true, tickNs = 0, before, arrive }:
  { computes?: boolean; tickNs?: number; before?: (arena: RankArena) => void; arrive?: Parameters<typeof moverOn>[1] } = {},
): Promise<Scene> {
  const config = parseRunConfig({
    world: 2, seqLen: 8, heads: 1, headDim: 2, layout: 'contiguous', mask: 'full', pass: 'forward-backward', ...changes,
  }, 'test')
  const schedule = scheduleRank(config, rank)
  const stage = new Stage(tickNs)
  const arena = createArena(schedule.arena, 0)
  const reporter = new Reporter(() => undefined, stage.now)
  const loop = new RankLoop({
    config, schedule, arena, reporter, now: stage.now, backend: backendOn(stage, arena, computes), mover: moverOn(stage, arrive),
  })
  await loop.prepare(0)
  before?.(arena)
  await loop.iterate(0)
  const columns = reporter.spans.take()
  const spans = Array.from(columns.lane, (lane, at): Span => ({
    lane: RANK_LANES[lane], category: SPAN_CATEGORIES[columns.category[at]], step: columns.step[at], startNs: columns.startNs[at],
    endNs: columns.endNs[at], peer: columns.peer[at], payload: PAYLOADS[columns.payload[at]], flops: columns.flops[at],
  }))
  return { stage, arena, schedule, spans }
}

describe('a rank\'s steps', () => {
  it('move blocks while they compute: a ring of two, forward and backward', async () => {
    const { stage } = await played(0, {})
    expect(stage.log).toEqual([
      'publish',
      'begin 0',
      'post kv to 1, kv from 1', 'attend 0 to kv 0', 'settle 2',
      'attend 0 to kv 1',
      'finish 0',
      'begin backward 0',
      'post kv to 1, kv from 1', 'gradient of 0 and kv 1 into 0', 'settle 2',
      'post dkv to 1, dkv from 1', 'gradient of 0 and kv 0 into 1', 'settle 2',
      'finish backward 0',
    ])
  })

  it('move nothing while they compute with overlap off, and wait for all they posted', async () => {
    const { stage } = await played(0, { overlap: false })
    expect(stage.log.slice(1, 7)).toEqual(['begin 0', 'attend 0 to kv 0', 'post kv to 1, kv from 1', 'settle 2', 'attend 0 to kv 1', 'finish 0'])
    // The outer hop of a double ring is needed a window later.
    const double = await played(0, { world: 4, algorithm: 'double-ring', window: 2, overlap: false, pass: 'forward' })
    expect(double.stage.log.slice(2, 5)).toEqual(['attend 0 to kv 0', expect.stringMatching(/^post kv to 2, kv to 1, kv from 2, kv from 1$/), 'settle 4'])
    const overlapping = await played(0, { world: 4, algorithm: 'double-ring', window: 2, pass: 'forward' })
    expect(overlapping.stage.log.slice(2, 7)).toEqual([expect.stringMatching(/^post/), 'attend 0 to kv 0', 'settle 2', expect.stringMatching(/^attend/), 'settle 2'])
  })

  it('add the gradient that arrives to the one just made', async () => {
    const { arena, schedule, spans } = await played(0, {}, { before: ({ dkv }) => dkv.forEach(({ dk, dv }, slot) => { dk.fill(10 * slot); dv.fill(10 * slot) }) })
    const own = arena.dkv[schedule.arena.ownGradientSlot ?? -1]
    // What lay in the receiving slot counts as received.
    expect([...own.dk, ...own.dv].every((value) => value === 21)).toBe(true)
    expect(spans.filter(({ category }) => category === 'merge').map(({ step }) => step)).toEqual([3])
  })

  it('pass a gradient of zeros on for a block without pairs', async () => {
    // Causal: rank 0 has no pair with the keys of rank 1, which it holds first in the backward pass.
    const { stage, arena, schedule } = await played(0, { mask: 'causal' }, { before: ({ dkv }) => dkv.forEach(({ dk }) => dk.fill(7)) })
    expect(stage.log.filter((line) => line.startsWith('gradient'))).toHaveLength(1)
    const [skipped] = schedule.steps.filter(({ plan, work }) => plan.pass === 'backward' && work === null)
    expect(skipped.plan.work?.gradient).toMatchObject({ fresh: true })
    expect(arena.dkv[skipped.plan.work?.gradient?.slot ?? -1].dk.every((value) => value === 0)).toBe(true)
  })

  it('help other ranks in passes of their own, and take in what helpers give back', async () => {
    const balanced = { world: 3, seqLen: 9, algorithm: 'distflash', mask: 'causal', pass: 'forward-backward' }
    const helper = await played(0, balanced)
    expect(helper.stage.log.join('; ')).toMatch(/begin (\d); attend \1 to kv 0; .*finish \1; .*post partial to 2/)
    expect(helper.stage.log.join('; ')).toMatch(/begin backward ([12]); gradient of \1 and kv 0 onto 0; .*finish backward \1; .*post dq to 2/)
    const helped = await played(2, balanced, { before: ({ sides }) => { sides[1].dq.fill(5) } })
    expect(helped.stage.log).toContain('merge 1 into 0')
    expect(helped.arena.sides[0].dq.every((value) => value === 5)).toBe(true)
    // The pass over the own queries surrounds it all.
    expect(helped.stage.log.indexOf('merge 1 into 0')).toBeLessThan(helped.stage.log.indexOf('finish 0'))
  })

  it('hand their own part of an all-to-all on by themselves', async () => {
    const { arena, stage, spans } = await played(1, { algorithm: 'ulysses', heads: 2, pass: 'forward' }, {
      before: ({ home }) => { home.q.forEach((_, at) => { home.q[at] = at }) },
    })
    expect(stage.log).toEqual(['publish', 'post qkv to 0, qkv from 0', 'settle 2', 'begin 0', 'attend 0 to kv 0', 'finish 0', 'post out to 0, out from 0', 'settle 2'])
    // Member 1 computes head 1 of all 8 tokens, of which the last 4 are its own: [heads 2, 4 rows, 2] to [8 rows, 2].
    expect([...arena.sides[0].q.subarray(8)]).toEqual([8, 9, 10, 11, 12, 13, 14, 15])
    expect(spans.filter(({ category }) => category === 'merge').map(({ step }) => step)).toEqual([0, 2])
  })
})

describe('a rank\'s spans', () => {
  it('divide a wait where the last move began to move, and put each transfer on its channel\'s lanes', async () => {
    const { spans } = await played(0, {}, {
      arrive: (moves, step, stage) => {
        if (step !== 3) return moves
        // Both ends of the gradient hop: the received one was late by 300, and under way for 200.
        const waitFrom = stage.nowNs
        stage.nowNs += 500
        return moves.map((settled): SettledMove => (settled.direction === 'send'
          ? { ...settled, times: { startNs: waitFrom - 400, endNs: waitFrom - 100 } }
          : { ...settled, times: { senderStartNs: waitFrom + 300, startNs: waitFrom + 310, endNs: waitFrom + 500 } }))
      },
    })
    const wait = spans.filter(({ category }) => category.startsWith('wait'))
    expect(wait.map(({ category, startNs, endNs, peer, payload, step }) => [category, endNs - startNs, peer, payload, step])).toEqual([
      ['wait-peer', 300, 1, 'dkv', 3], ['wait-link', 200, 1, 'dkv', 3],
    ])
    const transfers = spans.filter(({ category }) => category === 'send' || category === 'recv')
    expect(transfers.map(({ lane, payload }) => `${lane}: ${payload}`)).toEqual([
      'send: kv', 'recv: kv', 'send: kv', 'recv: kv', 'send gradient: dkv', 'recv gradient: dkv',
    ])
  })

  it('show a straggler\'s delay in both passes, without work of its own', async () => {
    const { spans } = await played(1, { stragglers: { 1: 3 } }, { tickNs: 1 })
    const compute = spans.filter(({ category }) => category === 'compute')
    expect(compute.map(({ flops }) => Number.isNaN(flops))).toEqual([false, true, false, true, false, true, false, true])
    for (const { flops, startNs, endNs } of compute) {
      if (!Number.isNaN(flops)) continue
      expect(endNs - startNs).toBeGreaterThanOrEqual(2 * ATTEND_NS)
      expect(endNs - startNs).toBeLessThan(2 * ATTEND_NS + 20)
    }
  })

  it('are of blocks alone where compute is modelled: nothing is summed', async () => {
    const { spans, arena } = await played(0, { mask: 'causal' }, { computes: false, before: ({ dkv }) => dkv.forEach(({ dk }) => dk.fill(7)) })
    expect(spans.filter(({ category }) => category === 'merge')).toEqual([])
    expect(arena.dkv.some(({ dk }) => dk.every((value) => value === 7))).toBe(true)
  })
})
