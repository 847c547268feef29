import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ringTrace } from '../../comm/testing/ringTrace.ts'
import { runCli } from './testing.ts'

const ANALYSIS = {
  '': ['files', 'clock', 'world', 'rankSources', 'ranks', 'steps', 'rings', 'notes', 'criticalPath', 'classification', 'run'],
  'files.0': ['path', 'events', 'ranks', 'repairs', 'dropped'],
  clock: ['method', 'offsetsNs', 'uncertaintyNs', 'ranks', 'unaligned'],
  'ranks.1': ['rank', 'spanUs', 'computeUs', 'commUs', 'memoryUs', 'idleUs', 'overlapUs', 'overlapRatio', 'exposedCommUs',
    'waitUs', 'transferUs', 'collectiveWaitUs', 'collectiveTransferUs', 'estimatedWaitUs', 'hta'],
  'steps.1': ['rank', 'step', 'computeUs', 'transferUs', 'exposedUs', 'waitPeerUs', 'waitLinkUs', 'idleUs', 'imbalanceUs'],
  criticalPath: ['makespanUs', 'computeUs', 'wireUs', 'imbalanceUs', 'launchGapUs', 'memoryUs', 'otherUs', 'segments', 'whatIf'],
  'criticalPath.segments.0': ['rank', 'kind', 'startNs', 'endNs', 'spanIndex'],
  'criticalPath.whatIf': ['balancedLayoutUs', 'fullOverlapUs', 'infiniteLinkUs'],
} as const

/** What scripts rely on: the keys that `--json` promises are there, whatever else is. */
const PROMISED = {
  run: {
    '': ['config', 'plan', 'backend', 'device', 'warnings', 'iterations', 'makespanMs', 'overlapRatio', 'idleFraction', 'theory',
      'hops', 'bytesPerHop', 'traffic', 'ranks', 'verification', 'tracePath'],
    'iterations.0': ['makespanMs'],
    theory: ['idleFraction', 'hops', 'bytesPerHop', 'speedupOverContiguous'],
    'ranks.1': ['rank', 'computeMs', 'commMs', 'overlapMs', 'exposedMs', 'waitPeerMs', 'waitLinkMs', 'idleMs', 'flops', 'gflops'],
    'traffic.0': ['channel', 'payload', 'pass', 'hops', 'bytesPerHop', 'theory'],
    'traffic.0.theory': ['hops', 'bytesPerHop'],
    verification: ['checkedRows', 'checkedGradRows', 'maxAbsError', 'maxAbsGradError', 'tolerance', 'gradTolerance', 'passed'],
  },
  plan: {
    '': ['config', 'plan', 'makespanPairs', 'idleFraction', 'totalPairs', 'tileQuantised', 'memory', 'hideCondition', 'simulated'],
    plan: ['world', 'hops', 'bytesPerHop', 'traffic', 'ranks'],
    'plan.traffic.0': ['channel', 'payload', 'pass', 'hops', 'bytesPerHop'],
    tileQuantised: ['blockQ', 'blockK', 'totalPairs', 'makespanPairs', 'idleFraction', 'speedupOverContiguous'],
    memory: ['bytesPerRank', 'formulaBytes'],
    'plan.ranks.1': ['rank', 'pairs', 'steps'],
    'plan.ranks.1.steps.1': ['step', 'pass', 'stage', 'kvOwner', 'queryOwner', 'kind', 'pairs'],
    hideCondition: ['minShardTokens', 'backwardMinShardTokens'],
    simulated: ['makespanMs', 'overlapRatio', 'idleFraction'],
  },
  sweep: {
    '': ['kind', 'config', 'backend', 'device', 'machine', 'axes', 'repeats', 'cells', 'best', 'predictedBest', 'peakGflops', 'roofline', 'countersFrom',
      'reusedCells', 'warnings'],
    machine: ['l1d', 'l2', 'l3'],
    'cells.0': ['blockQ', 'blockK', 'values', 'medianMs', 'madMs', 'repeats', 'noisy', 'reused', 'gflops', 'workingSetBytes', 'fitsL2', 'maxAbsError', 'passed',
      'limits', 'counters'],
    best: ['blockQ', 'blockK', 'values', 'gflops'],
  },
  'sweep --ring': {
    '': ['kind', 'config', 'backend', 'device', 'modelled', 'axes', 'repeats', 'cells', 'best', 'hideThreshold', 'reusedCells', 'warnings'],
    'axes.0': ['path', 'values'],
    'cells.0': ['values', 'shardTokens', 'medianMs', 'madMs', 'repeats', 'noisy', 'reused', 'overlapRatio', 'idleFraction', 'exposedMs', 'waitLinkMs', 'waitPeerMs',
      'hopMs', 'stepComputeMs', 'hidden', 'tokensPerSecond', 'maxAbsError', 'passed', 'predictedMs'],
    best: ['values', 'tokensPerSecond'],
  },
  analyze: {
    ...ANALYSIS,
    'run.ranks.0': ['rank', 'computeMs'],
  },
  'analyze of several ranks': {
    ...ANALYSIS,
    'rankSources.1': ['rank', 'path', 'from'],
    'ranks.1.hta': ['spanUs', 'computeUs', 'commUs', 'memoryUs', 'idleUs', 'overlapUs', 'overlapRatio'],
    'rings.0': ['group', 'ranks', 'world', 'pass', 'passes', 'steps', 'bytesPerHop', 'layout', 'evidence', 'times'],
    classification: ['overriddenBy', 'kinds', 'other'],
    'classification.kinds.0': ['kind', 'category', 'count', 'totalUs'],
  },
} as const

let folder: string
let config: string
let trace: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-keys-'))
  config = join(folder, 'config.json')
  trace = join(folder, 'trace.json.gz')
  writeFileSync(config, JSON.stringify({ world: 2, seqLen: 64, heads: 2, headDim: 16, pass: 'forward-backward', backend: 'tfjs-cpu', blockQ: 16, blockK: 16, iterations: 1, warmup: 0 }))
  mkdirSync(join(folder, 'ring'))
  for (const { name, text } of ringTrace({ world: 2, iterations: 1, layers: 1, seqLen: 1024 }).files) writeFileSync(join(folder, 'ring', name), text)
})
afterAll(() => { rmSync(folder, { recursive: true }) })

const at = (value: unknown, path: string): unknown =>
  path === '' ? value : path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value)

// In this order: analyze opens what run saved.
describe.each([
  ['run', () => runCli('run', config, '--out', trace, '--json')],
  ['plan', () => runCli('plan', config, '--json')],
  ['sweep', () => runCli('sweep', config, '--block-q', '16', '--block-k', '16', '--repeats', '1', '--json')],
  ['sweep --ring', () => runCli('sweep', config, '--ring', '--axis', 'seqLen=64', '--set', 'world=1', '--repeats', '1', '--json')],
  ['analyze', () => runCli('analyze', trace, '--json')],
  ['analyze of several ranks', () => runCli('analyze', join(folder, 'ring'), '--json')],
] as const)('%s --json', (command, call) => {
  test('prints one document with the promised keys, and ends with 0', async () => {
    const { code, stdout } = await call()
    expect(code).toBe(0)
    const document: unknown = JSON.parse(stdout)
    for (const [path, keys] of Object.entries(PROMISED[command])) {
      expect(Object.keys(at(document, path) as object), `${command} ${path}`).toEqual(expect.arrayContaining([...keys]))
    }
  })
})
