import { describe, expect, test } from 'vitest'
import { claimRanks, type ClaimingFile, groupRuns, groupTitle, type RankClaim, rankOfPath } from './ranks.ts'

describe('a rank in a name', () => {
  test.each([
    ['rank-3.json.gz', 3], ['rank3.json', 3], ['run_rank_12.pt.trace.json', 12], ['resnet50-worker0.pt.trace.json.gz', 0], ['trace_r5.json', 5],
    ['job/rank 7/trace.json', 7], ['worker1.rank3.json', 3], ['r1_rank=12.json', 12], ['RANK4.json', 4], ['nccl-data.json.gz', null], ['gpu01_4242.1690000000.pt.trace.json', null],
    ['frank3.json', null], ['2-ranks-zigzag.json', null], ['rank.json', null], ['r2d2.json', null], ['error5.json', null], ['rank3a.json', null],
  ])('%s: %j', (path, rank) => {
    expect(rankOfPath(path)).toBe(rank)
  })
})

describe('what a file says of its ranks', () => {
  const nothing = { path: 'trace.json', distributed: null, processRanks: new Map<string, number>(), devices: new Map<string, number>() }

  test('distributedInfo goes before the name, the name before a single process or device', () => {
    expect(claimRanks({ ...nothing, path: 'rank-3.json', distributed: 5 })).toEqual({ rankFrom: 'distributedInfo', ofProcess: null, ranks: [5] })
    expect(claimRanks({ ...nothing, path: 'rank-3.json', processRanks: new Map([['1', 8]]), devices: new Map([['2', 0]]) })).toMatchObject({ rankFrom: 'file name', ranks: [3] })
    expect(claimRanks({ ...nothing, processRanks: new Map([['1', 8]]), devices: new Map([['2', 0]]) })).toMatchObject({ rankFrom: 'process name', ranks: [8] })
    expect(claimRanks({ ...nothing, devices: new Map([['2', 6]]) })).toMatchObject({ rankFrom: 'device', ranks: [6] })
    expect(claimRanks(nothing)).toBeNull()
  })

  test('processes of several ranks go before distributedInfo: a merged file has that of one part', () => {
    const processRanks = new Map([['1', 1], ['2', 0], ['3', 1]])
    expect(claimRanks({ ...nothing, distributed: 0, processRanks })).toEqual({ rankFrom: 'process name', ofProcess: processRanks, ranks: [0, 1] })
    const devices = new Map([['1', 0], ['2', 1]])
    expect(claimRanks({ ...nothing, path: 'rank0.json', devices })).toEqual({ rankFrom: 'device', ofProcess: devices, ranks: [0, 1] })
  })
})

describe('files that were opened together', () => {
  const claim = (ranks: readonly number[], rankFrom: RankClaim['rankFrom'] = 'file name'): RankClaim =>
    ({ rankFrom, ranks, ofProcess: ranks.length === 1 ? null : new Map(ranks.map((rank) => [`pid ${rank}`, rank])) })
  const file = (path: string, of: RankClaim | null, world: number | null = null): ClaimingFile => ({ path, claim: of, world })
  const grouped = (...files: ClaimingFile[]): string[] =>
    groupRuns(files).map((group) => group.map(({ file: { path }, claim: { ranks } }) => `${path}=${ranks.join(',')}`).join(' '))

  test('are one run where their ranks differ', () => {
    expect(grouped(file('a/rank0.json', claim([0])), file('a/rank1.json', claim([1])))).toEqual(['a/rank0.json=0 a/rank1.json=1'])
    expect(grouped()).toEqual([])
  })

  test('a rank that the run has already begins another run, and so does another world', () => {
    expect(grouped(file('x.json', claim([0])), file('y.json', claim([0])), file('z.json', claim([1])))).toEqual(['x.json=0 z.json=1', 'y.json=0'])
    expect(grouped(file('x.json', claim([0]), 4), file('y.json', claim([1]), 8), file('z.json', claim([2])))).toEqual(['x.json=0 z.json=2', 'y.json=1'])
  })

  test('of two runs that lack a rank, a file goes to the one that is called like it', () => {
    expect(grouped(file('A_rank0.json', claim([0])), file('B_rank0.json', claim([0])), file('B_rank1.json', claim([1])), file('A_rank1.json', claim([1]))))
      .toEqual(['A_rank0.json=0 A_rank1.json=1', 'B_rank0.json=0 B_rank1.json=1'])
  })

  test('folders with the same ranks are runs of their own; folders of a rank each are one', () => {
    expect(grouped(file('a/0.json', claim([0])), file('b/1.json', claim([1])))).toEqual(['a/0.json=0 b/1.json=1'])
    expect(grouped(file('a/0.json', claim([0])), file('b/0.json', claim([0])), file('b/1.json', claim([1])), file('a/1.json', claim([1]))))
      .toEqual(['a/0.json=0 a/1.json=1', 'b/0.json=0 b/1.json=1'])
  })

  test('files that do not say get the free ranks in order', () => {
    expect(grouped(file('a.json', null), file('b.json', claim([0])), file('c.json', null))).toEqual(['a.json=1 b.json=0 c.json=2'])
    expect(groupRuns([file('a.json', null)])[0][0].claim).toEqual({ rankFrom: 'order', ofProcess: null, ranks: [0] })
  })

  test('devices are counted by host: those of a further file are further ranks', () => {
    const groups = groupRuns([file('host0.json', claim([0, 1], 'device')), file('host1.json', claim([0, 1], 'device'))])
    expect(groups.map((group) => group.map(({ claim: { ranks } }) => ranks))).toEqual([[[0, 1], [2, 3]]])
    expect([...groups[0][1].claim.ofProcess ?? []]).toEqual([['pid 0', 2], ['pid 1', 3]])
  })
})

test('a timeline of several files is called what their names share, else their folder', () => {
  expect(groupTitle(['job/llama-rank0.json.gz', 'job/llama-rank1.json.gz'], 2)).toBe('llama · 2 ranks')
  expect(groupTitle(['job/rank-0.pt.trace.json', 'job/rank-1.pt.trace.json'], 2)).toBe('job · 2 ranks')
  expect(groupTitle(['job/rank10.json', 'job/rank11.json'], 2)).toBe('job · 2 ranks')
  expect(groupTitle(['a.json', 'b.json'], 8)).toBe('a · 8 ranks')
})
