import type { RunConfig } from '../../preload/contract/config.ts'
import type { CandidateAnswer, PlannerAnswers, PlannerTables, PublishedAnswer } from '../../preload/contract/planner.ts'

/** Tables, answers and figures as small as they may be, for tests of the planner's page. */
export const TABLES: PlannerTables = {
  accelerators: [
    { id: 'a100', label: 'A100', peakTflops: 312, forwardEfficiency: 0.5, backwardEfficiency: 0.4, memoryGB: 80, memoryGBps: 2000, l2MB: 40, source: 'a test' },
    { id: 'h100', label: 'H100', peakTflops: 989, forwardEfficiency: 0.5, backwardEfficiency: 0.4, memoryGB: 80, memoryGBps: 3350, l2MB: 50, source: 'a test' },
  ],
  links: [
    { id: 'nv3', label: 'nv3 link', kind: 'nvlink', bandwidthGBps: 300, latencyUs: 5, source: 'a test' },
    { id: 'ib', label: 'ib link', kind: 'infiniband', bandwidthGBps: 25, latencyUs: 5, source: 'a test' },
  ],
  models: [{
    id: 'm', source: 'a test', sizes: {
      label: 'M 8B', layers: 32, hidden: 4096, heads: 32, kvHeads: 8, headDim: 128, ffnHidden: 14_336, vocabulary: 128_256, elementBytes: 2,
      trainingBytesPerWeight: 16, weightShards: 8, recompute: 'full',
    },
  }],
  thisMachine: {
    label: 'this machine', elementBytes: null, intra: { bandwidthGBps: 3, latencyUs: 20 }, inter: null, ranksPerNode: null,
    device: { forwardGflops: 30, backwardGflops: 20, blockOverheadUs: 10, rowNs: 4, tile: null, memoryBytes: null },
    runtime: { stepUs: 50, startUs: 10, startRowNs: 1, finishRowNs: 1, rendezvousUs: 20 },
  },
}

export const configOfTest = (change: Partial<RunConfig>): RunConfig => ({
  name: 'x', world: 8, seqLen: 4096, heads: 8, kvHeads: 8, headDim: 64, batch: 1, mask: 'causal', pass: 'forward', layout: 'zigzag', algorithm: 'ring', window: 1,
  ulyssesDegree: 1, ringSets: 1, cyclicWidth: 16, backend: 'wasm', link: null, stragglers: {}, devices: 'auto', ...change,
}) as RunConfig

export const candidate = (label: string, makespanMs: number, change: Partial<RunConfig> = {}, figures: Partial<CandidateAnswer> = {}): CandidateAnswer => ({
  label, config: configOfTest(change), makespanMs, speedupOverContiguous: 8 / makespanMs, idleFraction: 0.25, overlapRatio: 0.9, exposedMs: 0.5,
  bytesSentPerRank: 2 ** 30, bytesPerDevice: 2 ** 31, fits: true, ...figures,
})

const hides = (forward: boolean, backward: boolean): PlannerAnswers['links'][number]['hides'] => ({ forward, backward })

export const ANSWERS: PlannerAnswers = {
  cluster: {
    label: 'A100, nv3 link; nodes of 8 over ib link', elementBytes: { kv: 2, query: 2, gradient: 4 }, ranksPerNode: 8,
    intra: { bandwidthGBps: 300, latencyUs: 5 }, inter: { bandwidthGBps: 25, latencyUs: 5 },
    device: { forwardGflops: 156_000, backwardGflops: 124_800, blockOverheadUs: 20, rowNs: 3, tile: { blockQ: 128, blockK: 128 }, memoryBytes: 80e9 },
  },
  shardTokens: 4096,
  neededGBps: { forward: 38, backward: 20 },
  links: [
    { id: 'nv3', label: 'nv3 link', bandwidthGBps: 300, minShardTokens: { forward: 520, backward: 270 }, hides: hides(true, true), margin: { forward: 7.9, backward: 15 }, chosen: 'intra' },
    { id: 'ib', label: 'ib link', bandwidthGBps: 25, minShardTokens: { forward: 6240, backward: 3300 }, hides: hides(false, true), margin: { forward: 0.66, backward: 1.25 }, chosen: 'inter' },
    { id: 'eth', label: 'eth link', bandwidthGBps: 1.25, minShardTokens: { forward: 124_800, backward: 66_000 }, hides: hides(false, false), margin: { forward: 0.03, backward: 0.06 }, chosen: null },
  ],
  layouts: [
    { layout: 'contiguous', idleFraction: 0.467, tileIdleFraction: 0.46, speedupOverContiguous: 1, tileSpeedupOverContiguous: 1 },
    { layout: 'zigzag', idleFraction: 0, tileIdleFraction: 0.02, speedupOverContiguous: 1.87, tileSpeedupOverContiguous: 1.8 },
  ],
  candidates: [
    candidate('double ring in windows of 8, zigzag', 4, { algorithm: 'double-ring', window: 8 }),
    candidate('zigzag ring', 5),
    candidate('contiguous ring', 8, { layout: 'contiguous' }),
  ],
  impossible: [{ label: 'Ulysses', why: '8 heads cannot be split among 64 ranks' }],
  margin: 0.25,
  memory: [
    { devices: 8, shardTokens: 32_768, attentionBytes: 4e9, weightBytes: 2e10, activationBytes: 9e10, totalBytes: 1.14e11, longestContextTokens: 200_000 },
    { devices: 64, shardTokens: 4096, attentionBytes: 5e8, weightBytes: 2e10, activationBytes: 1.1e10, totalBytes: 3.15e10, longestContextTokens: 1_600_000 },
  ],
  assumptions: ['Rates are what is reached.'],
}

export const published = (change: Partial<PublishedAnswer>): PublishedAnswer => ({
  source: 'a README', reference: '1.1', what: 'zigzag', unit: '%', published: 80, ours: 84, difference: 4, kind: 'measured', role: 'prediction', note: '', ...change,
})
