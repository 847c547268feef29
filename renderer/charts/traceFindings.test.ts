import { describe, expect, it } from 'vitest'
import type { Classification, CriticalPath, RingSummary, TraceAnalysis } from '../../preload/contract/analysis.ts'
import { columnsFor } from '../components/trace/breakdownColumns.ts'
import { pathLegend, pathPicture, whatIfPicture } from './criticalPathBars.ts'
import { classificationTitle, clockTitle, describeRing, filesTitle, listRanks, pathTitle, ringsTitle } from './traceFindings.ts'
import { ringGroups, stepMetrics } from './workMap.ts'

const ring: RingSummary = {
  group: 'cp', ranks: [0, 1, 2, 3], world: 4, pass: 'forward', passes: 10, steps: 4, bytesPerHop: 2 ** 23, layout: 'zigzag', evidence: [], times: [],
}

describe('rings', () => {
  it('are described by what went round, with the layout that fits', () => {
    expect(describeRing(ring)).toBe('forward ring of 4 ranks, 4 steps of 8.00 MiB a hop')
    expect(describeRing({ ...ring, bytesPerHop: null })).toBe('forward ring of 4 ranks, 4 steps')
    expect(ringsTitle([ring])).toBe('A forward ring of 4 ranks, 4 steps of 8.00 MiB a hop: the work fits a zigzag layout')
    expect(ringsTitle([ring, { ...ring, pass: 'backward', layout: null }])).toBe('2 rings of up to 4 ranks: the work fits a zigzag layout')
    expect(ringsTitle([])).toBe('No ring of ranks was recognised')
  })
})

describe('the critical path', () => {
  const path: CriticalPath = {
    makespanUs: 1000, computeUs: 500, wireUs: 100, imbalanceUs: 380, launchGapUs: 20, memoryUs: 0, otherUs: 0, segments: [],
    whatIf: { balancedLayoutUs: 790, fullOverlapUs: 950, infiniteLinkUs: 1000 },
  }
  it('says what most of the makespan was, and which change gives most back', () => {
    expect(pathTitle(path)).toBe('50.0 % of the 1.00 ms is compute; a balanced layout would give back 21.0 %')
    expect(pathTitle({ ...path, whatIf: { balancedLayoutUs: 999, fullOverlapUs: 1000, infiniteLinkUs: 1001 } })).toMatch(/neither .* would give back 1 %$/)
  })
  it('is one bar of its parts, and a bar per change of what is left and given back', () => {
    const [bar] = pathPicture(path).bars
    expect(bar.parts.reduce((sum, { length }) => sum + length, 0)).toBe(path.makespanUs)
    expect(pathLegend(path).map(({ label }) => label)).toEqual(['compute', 'wire', 'imbalance', 'launch gaps'])
    expect(whatIfPicture(path).bars.map(({ parts, note }) => [...parts.map(({ length }) => length), note])).toEqual([
      [790, 210, 'gives back 21.0 %'], [950, 50, 'gives back 5.00 %'], [1000, 0, 'gives back 0 %'],
    ])
  })
})

describe('clocks', () => {
  const clock = (change: Partial<TraceAnalysis['clock']>): string => clockTitle({
    clock: { method: 'm', ranks: [0, 1], offsetsNs: [0, 5], uncertaintyNs: [0, 12_000], unaligned: [], ...change },
  })
  it('say how well ranks are aligned, and which are not', () => {
    expect(clock({})).toBe('2 ranks on one clock, to within ±12.0 µs')
    expect(clock({ unaligned: [1] })).toBe('Rank 1 could not be related to the others: drawn from its own start')
    expect(clock({ ranks: [0], offsetsNs: [0], uncertaintyNs: [0] })).toBe('One rank, on its own clock')
  })
  it('list ranks in words', () => {
    expect([[3], [1, 2], [0, 1, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8]].map(listRanks)).toEqual(['3', '1 and 2', '0, 1 and 5', '0, 1, 2, 3, 4, 5 and 3 others'])
  })
})

describe('files and classification', () => {
  const tally = (count: number) => [{ kind: 'x', count, firstOffset: 0 }]
  it('count what was mended and left out', () => {
    const file = { path: 'a', events: 500, ranks: [0], repairs: [], dropped: [] }
    expect(filesTitle([file])).toBe('500 events of 1 file: nothing had to be mended or left out')
    expect(filesTitle([file, { ...file, repairs: tally(2), dropped: tally(12) }])).toBe('1,000 events of 2 files: 2 repairs, 12 events left out')
  })
  it('say how much of the device time was recognised', () => {
    const kinds: Classification['kinds'] = [{ kind: 'attention', category: 'compute', count: 3, totalUs: 75 }]
    expect(classificationTitle({ overriddenBy: null, kinds, other: [{ name: 'zap', count: 1, totalUs: 25 }] }))
      .toBe('75.0 % of the device time was recognised; 1 name fell into "other"')
    expect(classificationTitle({ overriddenBy: null, kinds, other: [] })).toBe('Every device span was recognised')
  })
})

describe('figures by rank', () => {
  const rank = { rank: 0, spanUs: 1, memoryUs: 0, collectiveWaitUs: 0, collectiveTransferUs: 0, estimatedWaitUs: 0 }
  const labels = (change: object, run: object | null): string[] =>
    columnsFor({ ranks: [{ ...rank, ...change }], run } as unknown as TraceAnalysis).map(({ label }) => label)
  it('have columns for what a trace holds', () => {
    expect(labels({}, null)).not.toContain('Coll. wait')
    expect(labels({ collectiveWaitUs: 5 }, null)).toContain('Coll. wait')
  })
  it('of our own runs are defined by bytes under way', () => {
    const definition = (run: object | null) => columnsFor({ ranks: [rank], run } as unknown as TraceAnalysis).find(({ key }) => key === 'commUs')?.definition
    expect(definition({})).toMatch(/bytes under way/)
    expect(definition(null)).toMatch(/spinning/)
  })
})

describe('the steps of a ring', () => {
  it('are of the first ring, and of the other pass of the same ranks after it', () => {
    const backward = { ...ring, pass: 'backward' as const, steps: 5 }
    expect(ringGroups([ring, backward])).toEqual([{ from: 0, label: 'forward' }, { from: 4, label: 'backward' }])
    expect(ringGroups([ring, { ...backward, ranks: [4, 5, 6, 7] }])).toEqual([{ from: 0, label: 'forward' }])
    expect(ringGroups([backward])).toEqual([{ from: 0, label: 'backward' }])
    expect(ringGroups([])).toEqual([{ from: 0, label: 'step' }])
  })
})

describe('step metrics', () => {
  it('of another tool\'s trace leave out what only our own runs measure', () => {
    expect(stepMetrics(true).map(({ key }) => key)).not.toContain('waitLinkUs')
    expect(stepMetrics(false).map(({ key }) => key)).toContain('waitLinkUs')
  })
})
