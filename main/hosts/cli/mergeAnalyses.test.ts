import { describe, expect, test } from 'vitest'
import type { TraceAnalysis, TraceRankFigures } from '../../../preload/contract/analysis.ts'
import type { RunResult } from '../../../preload/contract/run.ts'
import { UsageError } from './errors.ts'
import { mergeAnalyses } from './mergeAnalyses.ts'

function rankFigures(rank: number): TraceRankFigures {
  return {
    rank, spanUs: 10, computeUs: 5, commUs: 3, memoryUs: 0, idleUs: 2, overlapUs: 1, overlapRatio: 1 / 3,
    exposedCommUs: 2, waitUs: 1, transferUs: 2, hta: null,
  }
}

function analysis(path: string, ranks: readonly number[], run: RunResult | null = null): TraceAnalysis {
  return {
    files: [{ path, events: 7, ranks, repairs: [], dropped: [] }],
    clock: { method: 'as recorded', offsetsNs: ranks.map(() => 0), uncertaintyNs: ranks.map(() => 0) },
    ranks: ranks.map(rankFigures),
    steps: [{ rank: ranks[0], step: 0, computeUs: 1, exposedUs: 0, waitPeerUs: 0, waitLinkUs: 0, imbalanceUs: 0 }],
    run,
  }
}

describe('several trace files in one document', () => {
  test('one file is its own analysis, unchanged', () => {
    const only = analysis('a.json', [0, 1])
    expect(mergeAnalyses([only])).toBe(only)
  })

  test('files of different ranks: every rank once, in order, and no figure across clocks', () => {
    const merged = mergeAnalyses([analysis('b.json', [1]), analysis('a.json', [0])])
    expect(merged.files.map((file) => file.path)).toEqual(['b.json', 'a.json'])
    expect(merged.ranks.map((rank) => rank.rank)).toEqual([0, 1])
    expect(merged.clock).toEqual({ method: 'each file on its own clock', offsetsNs: [0, 0], uncertaintyNs: [0, 0] })
    expect(merged.steps).toEqual([])
  })

  test('a rank in two files is refused, with both names', () => {
    const merge = (): unknown => mergeAnalyses([analysis('a.json', [0, 1]), analysis('b.json', [1])])
    expect(merge).toThrow(UsageError)
    expect(merge).toThrow(/a\.json and b\.json: both hold rank 1/)
  })

  test('a run of our own stays alone', () => {
    const run = { makespanMs: 1 } as RunResult
    expect(() => mergeAnalyses([analysis('a.json', [0]), analysis('b.json', [1], run)])).toThrow(/b\.json: a complete run/)
  })
})
