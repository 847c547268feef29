import type { Fold, Move, Plan, StepPlan } from '../../kernels/plan/plan.ts'
import { laneOf, type Payload, type RankLane, type SpanCategory } from '../../kernels/timeline/categories.ts'

/** What spans call that which travels. */
const PAYLOAD_WORDS: Readonly<Record<Payload, string>> = {
  kv: 'KV', dkv: 'gradient', query: 'queries', partial: 'result', dq: 'query gradient',
  qkv: 'all-to-all QKV', out: 'all-to-all output', dout: 'all-to-all dO', dqkv: 'all-to-all gradients',
}

export interface SpanFactsForName {
  readonly category: SpanCategory
  readonly rank: number
  readonly lane: RankLane
  /** -1 outside a step. */
  readonly step: number
  /** -1 where there is none. */
  readonly peer: number
  readonly payload: Payload | 'none'
  /** NaN where there are none. */
  readonly flops: number
}

/** Parts of an all-to-all: the peer tells whose they are. */
const EXCHANGED: Partial<Record<Payload, true>> = { qkv: true, out: true, dout: true, dqkv: true }

interface FoundMove {
  readonly direction: 'send' | 'recv'
  readonly move: Move
}

/**
 * The move that a span is about: with its peer, its payload and, on a lane of moves, its lane; the last one that its step or
 * one before it posted, since a span of a move bears the step that settled it. Of two, the one that arrives.
 */
function moveOf(plan: Plan, { rank, lane, step, peer, payload }: SpanFactsForName): FoundMove | null {
  const { steps } = plan.ranks[rank]
  for (let at = Math.min(step, steps.length - 1); at >= 0; at--) {
    for (const direction of ['recv', 'send'] as const) {
      const move = steps[at][`${direction}s`].find((candidate) => candidate.peer === peer && (payload === 'none' || candidate.payload === payload) &&
        (lane === 'compute' || laneOf(candidate.channel, direction) === lane))
      if (move !== undefined) return { direction, move }
    }
  }
  return null
}

/** Whose block a span's move carries: "KV of rank 3". Of a part of an all-to-all the peer says that. */
function blockName(plan: Plan, facts: SpanFactsForName): string {
  if (facts.payload === 'none') return 'a block'
  const word = PAYLOAD_WORDS[facts.payload]
  const found = facts.payload in EXCHANGED ? null : moveOf(plan, facts)
  return found === null ? word : `${word} of rank ${found.move.owner}`
}

/** What a step computes: the rank's own queries, or another's that it helps. */
function workName({ pass, step, kvOwner, queryOwner }: StepPlan, rank: number): string {
  const stepName = pass === 'backward' ? `backward step ${step}` : `step ${step}`
  return queryOwner === rank ? `${stepName} · KV of rank ${kvOwner}` : `${stepName} · helping rank ${queryOwner}`
}

function foldName({ what }: Fold, { recvs }: StepPlan): string {
  const from = (payload: Payload): string => {
    const move = recvs.find((candidate) => candidate.payload === payload)
    return move === undefined ? '' : ` of rank ${move.peer}`
  }
  switch (what) {
    case 'partial': return `join result${from('partial')}`
    case 'dq': return `add query gradient${from('dq')}`
    case 'gradient': return 'add gradient'
    case 'shared-gradients': return 'sum shared gradients'
  }
}

/** What a step adds up beside its block: the parts of it that arrived, or its own part of an all-to-all. */
function mergeName(step: StepPlan): string {
  const folds = step.folds.map((fold) => foldName(fold, step))
  if (step.stage === 'exchange') return ['copy own part', ...folds].join(', ')
  const name = `${step.pass === 'backward' ? 'backward ' : ''}merge step ${step.step}`
  return folds.length === 0 ? name : `${name} · ${folds.join(', ')}`
}

function waitName(plan: Plan, facts: SpanFactsForName): string {
  const { category, peer, payload } = facts
  const arrives = moveOf(plan, facts)?.direction !== 'send'
  const what = payload === 'none' ? '' : PAYLOAD_WORDS[payload]
  if (category === 'wait-peer') return `wait for rank ${peer} to ${arrives ? 'send' : 'take'} ${what}`.trimEnd()
  return `wire ${arrives ? 'from' : 'to'} rank ${peer}${what === '' ? '' : ` · ${what}`}`
}

/**
 * What a span of our own runs is called, by the plan: "step 2 · KV of rank 1", "send gradient of rank 2 → rank 1",
 * "wait for rank 0 to send KV".
 */
export function spanName(plan: Plan, facts: SpanFactsForName): string {
  const { category, rank, peer, flops } = facts
  const step: StepPlan | undefined = facts.step < 0 ? undefined : plan.ranks[rank].steps.at(facts.step)
  const bothPasses = plan.pass === 'forward-backward'
  switch (category) {
    case 'compute':
      if (step === undefined) return 'compute'
      return Number.isNaN(flops) ? 'straggler delay' : workName(step, rank)
    case 'merge':
      if (step === undefined) return bothPasses ? 'begin or finish a pass' : 'finish output'
      return mergeName(step)
    case 'h2d':
      return step === undefined ? 'queries to device' : `step ${step.step} to device`
    case 'd2h':
      if (step === undefined) return bothPasses ? 'result to host' : 'output to host'
      return `step ${step.step} to host`
    case 'send':
      return `send ${blockName(plan, facts)} → rank ${peer}`
    case 'recv':
      return `receive ${blockName(plan, facts)} ← rank ${peer}`
    case 'wait-peer':
    case 'wait-link':
      return waitName(plan, facts)
    default:
      return category
  }
}
