import { describe, expect, it } from 'vitest'
import type { TimelineAnalysis } from '../../preload/contract/analysis.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { rampColour, textOn } from '../theme/ramp.ts'
import { cellAt, cellMapHeight, type CellMapPicture } from './cellMap.ts'
import { idleBarsOf, idleBarsPicture, idleShare, shownParts } from './idleBars.ts'
import { barIndexAt, stackedBarsHeight } from './stackedBars.ts'
import { describeStep, stepMapPicture, usedLooks, workMapPicture } from './workMap.ts'

const step = (stepIndex: number, kvOwner: number, kind: 'diagonal' | 'full' | 'skip', pairs: number) => ({
  step: stepIndex, pass: 'forward' as const, stage: 'attend' as const, kvOwner, queryOwner: stepIndex === 0 ? kvOwner : 1 - kvOwner, kind, pairs,
})
/** Contiguous causal on two ranks of four tokens: rank 0 computes 10 pairs, rank 1 10 + 16. */
const PLAN = {
  makespanPairs: 26, idleFraction: 1 - 36 / 52,
  plan: {
    world: 2,
    ranks: [
      { rank: 0, pairs: 10, steps: [step(0, 0, 'diagonal', 10), step(1, 1, 'skip', 0)] },
      { rank: 1, pairs: 26, steps: [step(0, 1, 'diagonal', 10), step(1, 0, 'full', 16)] },
    ],
  },
} as unknown as PlanReport

const rankFigures = (rank: number, computeMs: number, waitLinkMs: number, waitPeerMs: number) => ({ rank, computeMs, waitLinkMs, waitPeerMs })
const OF_RUN = {
  plan: PLAN,
  trace: {
    run: { iterations: [{ makespanMs: 10 }, { makespanMs: 14 }], ranks: [rankFigures(0, 8, 2, 6), rankFigures(1, 24, 0, 0)] },
    ranks: [], steps: [],
  },
} as unknown as TimelineAnalysis

describe('idle bars', () => {
  it('of a run are means over its measured iterations, with the plan\'s compute time beside them', () => {
    const [first, second] = idleBarsOf(OF_RUN)
    expect(first).toEqual({ rank: 0, computeMs: 4, waitLinkMs: 1, waitPeerMs: 3, memoryMs: 0, otherMs: 4, totalMs: 12, theoryComputeMs: expect.closeTo(12 * 10 / 26) })
    expect([second.otherMs, second.theoryComputeMs, idleShare(second)]).toEqual([0, 12, 0])
    expect(idleShare(first)).toBeCloseTo(2 / 3)
  })
  it('of a run that completed no measured iteration are none', () => {
    const trace = { run: { iterations: [], ranks: [] }, steps: [], ranks: [{ rank: 0, spanUs: 0, computeUs: 0, exposedCommUs: 0, waitUs: 0 }] }
    expect(idleBarsOf({ plan: null, trace } as unknown as TimelineAnalysis)).toEqual([])
  })
  const foreign = (change: object) => ({
    plan: null,
    trace: { run: null, steps: [], ranks: [{ rank: 3, spanUs: 1000, computeUs: 600, exposedCommUs: 300, idleUs: 60, exposedWaitUs: 0, waitUs: 0, collectiveWaitUs: 0, ...change }] },
  }) as unknown as TimelineAnalysis
  it('of another tool\'s trace divide its span, waiting apart from transfer as far as it is exposed', () => {
    const [bar] = idleBarsOf(foreign({ waitUs: 500, exposedWaitUs: 200 }))
    expect(bar).toEqual({
      rank: 3, computeMs: 0.6, waitLinkMs: expect.closeTo(0.1), waitPeerMs: 0.2, memoryMs: expect.closeTo(0.04), otherMs: 0.06, totalMs: 1, theoryComputeMs: null,
    })
    expect(bar.computeMs + bar.waitLinkMs + bar.waitPeerMs + bar.memoryMs + bar.otherMs).toBeCloseTo(bar.totalMs)
    expect(shownParts([bar], false).map(({ label }) => label)).toEqual(['compute', 'exposed transfer', 'waiting for a late peer', 'memory and other', 'idle'])
  })
  it('leave out parts that do not occur', () => {
    const bars = idleBarsOf(foreign({ idleUs: 100 }))
    expect(shownParts(bars, false).map(({ label }) => label)).toEqual(['compute', 'exposed communication', 'idle'])
  })
  it('have the share that is idle written beside them, and a tick where theory ends compute', () => {
    const { bars } = idleBarsPicture(idleBarsOf(OF_RUN), true)
    expect(bars.map(({ label, note }) => [label, note])).toEqual([['Rank 0', '66.7 % idle, theory 61.5 %'], ['Rank 1', '0 % idle, theory 0 %']])
    expect(bars[1].tick).toBe(12)
  })
  it('are found by the pointer\'s height', () => {
    const height = stackedBarsHeight(2)
    expect([40, height - 20, 2, height - 1].map((y) => barIndexAt(2, height, y))).toEqual([0, 1, null, null])
  })
})

describe('work map', () => {
  it('draws pairs by rank and step, and skipped blocks hatched', () => {
    const { cells } = workMapPicture(PLAN.plan, true)
    expect(cells.map(({ row, column, share, short }) => [row, column, share, short])).toEqual([
      [0, 0, 10 / 16, 'D'], [0, 1, null, '-'], [1, 0, 10 / 16, 'D'], [1, 1, 1, 'F'],
    ])
  })

  const [first, second] = PLAN.plan.ranks
  const [diagonal] = first.steps
  const exchange = { ...diagonal, step: 2, pass: 'backward', stage: 'exchange', kvOwner: -1, queryOwner: -1, kind: 'none', pairs: 0 } as const
  const backward = { ...diagonal, step: 3, pass: 'backward', kvOwner: 0, queryOwner: 1, kind: 'full', pairs: 16 } as const
  const both = { ...PLAN.plan, ranks: [{ ...first, steps: [...first.steps, exchange, backward] }, { ...second, steps: [...second.steps, exchange, backward] }] }
  it('has a column for every step of both passes, and divides them', () => {
    const { columns, columnGroups, cells } = workMapPicture(both, false)
    expect(columns).toEqual(['step 0', 'step 1', 'a2a 2', 'step 3'])
    expect(stepMapPicture([{ rank: 0, step: 3, imbalanceUs: 0, computeUs: 1, exposedUs: 0, waitPeerUs: 0, waitLinkUs: 0, transferUs: 0, idleUs: 0 }], 'computeUs', both))
      .toMatchObject({ columns, columnGroups })
    expect(columnGroups).toEqual([{ from: 0, label: 'forward' }, { from: 2, label: 'backward' }])
    expect(cells.filter(({ row }) => row === 0).map(({ lines }) => lines[0])).toEqual(['D 10', 'skip', 'all-to-all', 'F 16'])
    expect(usedLooks(both).map(({ letter }) => letter)).toEqual(['D', '-', 'A', 'F'])
  })
  it('says whom a rank helps', () => {
    const { cells } = workMapPicture(both, false)
    expect(cells.find(({ row, column }) => row === 0 && column === 3)?.lines).toEqual(['F 16', 'for rank 1'])
    expect(describeStep(0, backward)).toEqual(['backward pass, K/V of rank 0', 'helps rank 1: its queries', '16 pairs per head'])
    expect(describeStep(1, backward)).toEqual(['backward pass, K/V of rank 0', '16 pairs per head'])
    expect(describeStep(0, exchange)).toEqual(['backward pass'])
  })
})

describe('step map', () => {
  const cell = (rank: number, at: number, imbalanceUs: number) => ({ rank, step: at, imbalanceUs, computeUs: 1, exposedUs: 0, waitPeerUs: 0, waitLinkUs: 0, transferUs: 0, idleUs: 0 })
  it('scales to the largest value and takes ranks as they are numbered', () => {
    const picture = stepMapPicture([cell(4, 0, 0), cell(2, 1, 50)], 'imbalanceUs', null)
    expect(picture.rows).toEqual(['rank 2', 'rank 4'])
    expect(picture.cells.map(({ row, column, share, lines }) => [row, column, share, lines[0]])).toEqual([[1, 0, 0, '0'], [0, 1, 1, '50.0 µs']])
  })
  it('of nothing but zeros has no infinite share', () => {
    expect(stepMapPicture([cell(0, 0, 0)], 'waitPeerUs', null).cells[0].share).toBe(0)
  })
})

describe('cell map', () => {
  const picture: CellMapPicture = { columns: ['a', 'b'], rows: ['x', 'y', 'z'], columnGroups: [{ from: 0, label: '' }], rowTitle: '', cells: [] }
  const size = { width: 284, height: cellMapHeight(picture, 20) }
  it('finds the cell under the pointer and nothing in the margins', () => {
    expect(cellAt(picture, size, 80, 40)).toEqual({ column: 0, row: 0 })
    expect(cellAt(picture, size, 270, size.height - 12)).toEqual({ column: 1, row: 2 })
    expect(cellAt(picture, size, 10, 40)).toBeNull()
    expect(cellAt(picture, size, 80, 5)).toBeNull()
  })
})

describe('colour ramp', () => {
  it('runs from end to end, clamps, and keeps text readable', () => {
    expect([-1, 0, 0.5, 1, 2].map((share) => rampColour('#000000', '#ffffff', share))).toEqual(['#000000', '#000000', '#808080', '#ffffff', '#ffffff'])
    expect([textOn('#ffffff'), textOn('#000000')]).toEqual(['#111418', '#ffffff'])
  })
})
