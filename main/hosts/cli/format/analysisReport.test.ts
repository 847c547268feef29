import { describe, expect, test } from 'vitest'
import type { TraceAnalysis, TraceRankFigures } from '../../../../preload/contract/analysis.ts'
import { formatAnalysis } from './analysisReport.ts'

const shared = { spanUs: 1000, computeUs: 600, commUs: 300, memoryUs: 0, idleUs: 100, overlapUs: 150, overlapRatio: 0.5 }
const rank = (number: number, fields: Partial<TraceRankFigures> = {}): TraceRankFigures => ({
  rank: number, ...shared, exposedCommUs: 150, exposedWaitUs: 50, waitUs: 100, transferUs: 200, collectiveWaitUs: 0, collectiveTransferUs: 0, estimatedWaitUs: 0, hta: null, ...fields,
})
const analysis = (fields: Partial<TraceAnalysis> = {}): TraceAnalysis => ({
  files: [{ path: 'a.json', events: 1234, ranks: [0], repairs: [{ kind: 'array not closed', count: 1, firstOffset: 99_000 }], dropped: [{ kind: 'lone end', count: 7, firstOffset: 12 }] }],
  clock: { method: 'by hand', offsetsNs: [0, -1_500_000], uncertaintyNs: [0, 10_800], ranks: [0, 1], unaligned: [] },
  world: null, rankSources: [{ rank: 0, path: 'a.json', from: 'file name' }], ranks: [rank(0), rank(1)],
  steps: [], rings: [], notes: [], criticalPath: null, classification: null, run: null, ...fields,
})
const report = (fields: Partial<TraceAnalysis> = {}): string => formatAnalysis(analysis(fields), 'The finding')

describe('the report of a trace', () => {
  test('lists what was mended and left out with the byte of the first, and by what ranks are known', () => {
    expect(report()).toMatch(/^a\.json: 1,234 events, rank 0, known by file name\n {2}mended 1 x array not closed \(first at byte 99,000\)\n {2}left out 7 x lone end \(first at byte 12\)\n\nThe finding\n/)
  })

  test('gives each clock its offset with its sign, and says which ranks are on none', () => {
    expect(report()).toMatch(/^ +1 +-1\.50 ms +± 10\.8 µs$/m)
    const apart = report({ clock: { ...analysis().clock, uncertaintyNs: [0, null], unaligned: [1] } })
    expect(apart).toMatch(/^ +1 +-1\.50 ms +unknown$/m)
    expect(apart).toMatch(/^NOT ALIGNED: rank 1; nothing relates them to the others/m)
    expect(apart).toContain('critical path: none, the ranks share no clock')
  })

  test('says what else is to be known of the figures', () => {
    expect(report({ notes: ['rank 1 lacks a match'] })).toMatch(/^note: rank 1 lacks a match$/m)
  })

  test('has HTA\'s figures beneath ours, where there are any', () => {
    const hta = { ...shared, overlapRatio: 0.25 }
    expect(report({ ranks: [rank(0, { hta })] })).toMatch(/^ +0 +1\.00 ms .* 50\.0 % +150 µs\n +as HTA has it +1\.00 ms .* 25\.0 %$/m)
    expect(report()).not.toContain('HTA')
  })

  test('marks what rests on an estimate, and leaves out kinds of communication that no rank has', () => {
    expect(report()).toMatch(/^rank +point to point: waiting +transfer +waiting share$/m)
    expect(report()).toMatch(/^ +0 +100 µs +200 µs +33\.3 %$/m)
    const rough = report({ ranks: [rank(0, { waitUs: 0, transferUs: 0, collectiveWaitUs: 60, collectiveTransferUs: 40, estimatedWaitUs: 60 })] })
    expect(rough).toMatch(/^rank +collectives: waiting +transfer +waiting share +of it estimated\n +0 +~60\.0 µs +~40\.0 µs +60\.0 % +60\.0 µs\n~ a peer's trace is missing/m)
    expect(report({ ranks: [rank(0, { waitUs: 0, transferUs: 0 })] })).not.toContain('waiting for a late peer')
  })

  test('shows what the makespan was made of, largest questions first, and what each change would give back', () => {
    const text = report({ criticalPath: {
      makespanUs: 1000, computeUs: 500, imbalanceUs: 210, wireUs: 190, launchGapUs: 100, memoryUs: 0, otherUs: 0, segments: [],
      whatIf: { balancedLayoutUs: 790, fullOverlapUs: 900, infiniteLinkUs: 810 },
    } })
    expect(text).toMatch(/^imbalance +210 µs +21\.0 %\nwire +190 µs +19\.0 %\nlaunch gaps +100 µs +10\.0 %\neach alone, at most:$/m)
    expect(text).toMatch(/^ {2}a balanced layout would give back 21\.0 % \(790 µs\)$/m)
  })

  test('a ring has its evidence and what each rank waited for; steps of its backward pass come after', () => {
    const ring = { group: 'group cp', ranks: [0, 1], world: 2, passes: 3, steps: 2, bytesPerHop: 1 << 20, layout: 'zigzag' as const, evidence: ['Two sentences.'] }
    const times = [{ rank: 0, ringUs: 50, exposedWaitUs: 5, exposedTransferUs: 1, waitedFor: 1, estimated: true }]
    const cell = (step: number) => ({ rank: 1, step, computeUs: 8, transferUs: 2, exposedUs: 0, waitPeerUs: 1, waitLinkUs: 0, idleUs: 3, imbalanceUs: 4 })
    const text = report({ rings: [{ ...ring, pass: 'forward', times }, { ...ring, pass: 'backward', times: [] }], steps: [0, 1, 2].map(cell) })
    expect(text).toMatch(/^forward ring 0 > 1 of 2 ranks, group cp: 3 times, 2 steps, 1\.00 MiB a hop, layout zigzag\n {2}Two sentences\.$/m)
    expect(text).toMatch(/^ +0 +50\.0 µs +~5\.00 µs +rank 1 +~1\.00 µs$/m)
    expect(text).toMatch(/^ +1 +forward +8\.00 µs +1 +4\.00 µs +2\.00 µs +0 s +1\.00 µs +0 s +3\.00 µs\n +2 +backward /m)
  })

  test('what no rule knew is named, ten at most', () => {
    const other = Array.from({ length: 12 }, (_, at) => ({ name: `kernel ${at}`, count: 2, totalUs: 9 }))
    const text = report({ classification: { overriddenBy: null, kinds: [{ kind: 'attention', category: 'compute', count: 5, totalUs: 70 }], other } })
    expect(text).toMatch(/^attention +compute +5 +70\.0 µs$/m)
    expect(text).toMatch(/^ {2}9\.00 µs in 2 x kernel 9\n {2}and 2 more names$/m)
  })
})
