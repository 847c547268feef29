import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseRunConfig, type RunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { analyzeTimeline } from '../analysis/traceAnalysis.ts'
import { communicationOf } from '../comm/communication.ts'
import { measureTimeline } from '../compare/measureTimeline.ts'
import { startRun } from '../executor/executor.ts'
import { nodeRankHost } from '../executor/nodeRankHost.ts'
import { findInstallation } from '../installation.ts'
import { emulatedCluster } from '../simulator/emulatedCluster.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { openTraces } from '../traces/open/openTraces.ts'
import { traceFiles } from '../traces/open/traceFiles.ts'
import { clusterFiles } from './clusterFiles.ts'
import { clusterLaunch, type ClusterOptions } from './clusterOptions.ts'
import { writeClusterFolder } from './writeFolder.ts'

const installation = findInstallation()
const python = process.env['RINGSCOPE_PYTHON'] ?? 'python3'
const probe = spawnSync(python, ['-c', 'import torch, torch.distributed as d; assert d.is_gloo_available(); print(torch.__version__)'], { encoding: 'utf8' })
const reason = probe.status === 0 ? `PyTorch ${probe.stdout.trim()}`
  : `skipped: "${python}" cannot import torch with gloo (set RINGSCOPE_PYTHON to a Python that can): ${(probe.stderr || String(probe.error)).trim().split('\n').at(-1)}`

interface Case extends Partial<RunConfigInput> {
  readonly kernel?: 'auto' | 'tiles'
}

const both = { pass: 'forward-backward' } as const
const CASES = {
  'zigzag': { layout: 'zigzag', ...both },
  'contiguous, compute then exchange': { layout: 'contiguous', overlap: false, ...both },
  'striped, grouped-query heads, forward only': { layout: 'striped', kvHeads: 2 },
  'block-cyclic, a length that does not divide, tiles': { layout: 'block-cyclic', cyclicWidth: 8, seqLen: 509, kernel: 'tiles', ...both },
  'full mask': { mask: 'full', ...both },
  'lookback window': { layout: 'contiguous', lookback: 100, ...both },
  'packed documents, key padding': { batch: 2, keyPadding: [512, 200], cuSeqlens: [0, 100, 333, 512], ...both },
  'double ring': { algorithm: 'double-ring', window: 2, ...both },
  'Ulysses': { algorithm: 'ulysses', ...both },
  'hybrid, members share a key/value head': { algorithm: 'hybrid', ulyssesDegree: 2, kvHeads: 1, ...both },
  'DistFlash': { algorithm: 'distflash', layout: 'contiguous', ...both },
  'two ring sets, a straggler': { ringSets: 2, batch: 2, stragglers: { 1: 2 }, ...both },
  'bfloat16 on the wire': { wireDtype: 'bfloat16', ...both },
} satisfies Record<string, Case>
type CaseName = keyof typeof CASES
const NAMES = Object.keys(CASES) as CaseName[]

const resultFile = z.object({
  outputChecksum: z.number(), makespanMs: z.number().positive(), hops: z.number(), bytesPerHop: z.number(), dtype: z.string(),
  traffic: z.array(z.object({ channel: z.string(), payload: z.string(), pass: z.string(), hops: z.number(), bytesPerHop: z.number() })),
  kernels: z.object({ used: z.array(z.string()).min(1), rejected: z.record(z.string(), z.string()) }),
  iterations: z.array(z.object({ makespanMs: z.number(), overlapRatio: z.number().nullable(), idleFraction: z.number() })),
  ranks: z.array(z.object({ rank: z.number(), computeMs: z.number().positive(), flops: z.number() })),
  verification: z.object({ checkedRows: z.number().positive(), checkedGradRows: z.number(), maxAbsError: z.number(), passed: z.boolean() }),
})

/** What the sources were found to do where no run on CPUs shows it. */
const findings = z.object({
  flashAttn: z.record(z.string(), z.string()), sdpaCuda: z.array(z.array(z.number())),
  groups: z.object({ made: z.array(z.tuple([z.string(), z.number()])), joined: z.array(z.string()) }),
  keepsResults: z.boolean(), messages: z.record(z.string(), z.tuple([z.number(), z.string()])),
})

const run = promisify(execFile)
const script = (name: string): string => fileURLToPath(new URL(`testing/${name}`, import.meta.url))

const configOf = (name: CaseName): RunConfig => {
  const { kernel: _, ...fields } = CASES[name] as Case
  return parseRunConfig({ name, world: 4, seqLen: 512, heads: 4, headDim: 32, iterations: 2, warmup: 1, backend: 'wasm', ...fields }, name)
}

describe.skipIf(probe.status !== 0)(`a cluster folder on gloo, 4 ranks on the CPU (${reason})`, () => {
  let scratch = ''
  const folderOf = (name: CaseName): string => join(scratch, String(NAMES.indexOf(name)))
  const resultOf = (name: CaseName): z.output<typeof resultFile> => resultFile.parse(JSON.parse(readFileSync(join(folderOf(name), 'result.json'), 'utf8')))

  async function write(folder: string, config: RunConfig, options: ClusterOptions = {}): Promise<void> {
    await writeClusterFolder(folder, await clusterFiles(config, clusterLaunch(config, options), installation.clusterDir), { force: false })
  }

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ringscope-gloo-'))
    for (const name of NAMES) {
      await write(folderOf(name), configOf(name))
      writeFileSync(join(folderOf(name), 'kernel'), (CASES[name] as Case).kernel ?? 'auto')
    }
    await run(python, ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '4', script('run_folders.py'), ...NAMES.map(folderOf)],
      { timeout: 170_000, env: { ...process.env, OMP_NUM_THREADS: '1' }, maxBuffer: 1 << 26 })
  }, 180_000)
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true })
  })

  const checksums = new Map<string, Promise<number>>()

  /** Of our own ranks' output: the same for every algorithm, layout and number of ranks, so one rank computes it once a shape. */
  function ownChecksum({ mask, lookback, keyPadding, cuSeqlens, batch, seqLen, heads, kvHeads, headDim, wireDtype }: RunConfig): Promise<number> {
    const shape = { mask, lookback, keyPadding, cuSeqlens, batch, seqLen, heads, kvHeads, headDim, wireDtype }
    const key = JSON.stringify(shape)
    const compute = async (): Promise<number> => {
      const alone = parseRunConfig({ ...shape, world: 1, pass: 'forward', iterations: 1, warmup: 0, backend: 'wasm' }, 'alone')
      const own = (await startRun(alone, { installation, rankHost: nodeRankHost() }).finished).run
      expect(own?.verification?.passed).toBe(true)
      return own?.outputChecksum ?? Number.NaN
    }
    const known = checksums.get(key) ?? compute()
    checksums.set(key, known)
    return known
  }

  it.each(NAMES)('%s: right against float64, and the same output as our own ranks\'', async (name) => {
    const config = configOf(name)
    const { verification, outputChecksum, ranks, hops, bytesPerHop } = resultOf(name)
    expect(verification.passed).toBe(true)
    expect(verification.checkedGradRows > 0).toBe(config.pass === 'forward-backward')
    const own = await ownChecksum(config)
    // In bfloat16 queries and probabilities are rounded too, which our own ranks do not.
    expect(Math.abs(outputChecksum - own) / Math.abs(own)).toBeLessThan(config.wireDtype === 'bfloat16' ? 1e-3 : 1e-6)
    const plan = planRun(config)
    expect([hops, bytesPerHop]).toEqual([plan.hops, plan.bytesPerHop])
    const pairs = plan.ranks.map(({ steps }) => steps.reduce((sum, step) =>
      sum + step.pairs * (step.pass === 'forward' ? plan.flopsPerPair : plan.backwardFlopsPerPair), 0))
    expect(ranks.map(({ flops }) => flops)).toEqual(pairs.map((flops) => flops * config.iterations))
  })

  it('what was sent is what the plan says, of every kind', () => {
    for (const name of NAMES.filter((each) => configOf(each).wireDtype === 'float32')) {
      const sent = resultOf(name).traffic.map(({ channel, payload, pass, hops, bytesPerHop }) => `${pass} ${channel} ${payload} ${hops} x ${bytesPerHop}`)
      const planned = planRun(configOf(name)).traffic.map(({ channel, payload, pass, hops, bytesPerHop }) => `${pass} ${channel} ${payload} ${hops} x ${bytesPerHop}`)
      expect(sent.toSorted(), name).toEqual(planned.toSorted())
    }
  })

  it('overlap is measured: some with it, none without', () => {
    const [beside, after] = (['zigzag', 'contiguous, compute then exchange'] as const).map((name) => resultOf(name).iterations.map(({ overlapRatio }) => overlapRatio ?? Number.NaN))
    for (const ratio of beside) expect(ratio).toBeGreaterThan(0)
    for (const ratio of after) expect(ratio).toBe(0)
  })

  const open = async (name: CaseName): Promise<Timeline> => {
    const timelines = await openTraces(traceFiles([folderOf(name)]))
    expect(timelines).toHaveLength(1)
    return timelines[0]
  }

  it.each(NAMES)('%s: its traces open as one run of 4 ranks, called like the config, with its transfers', async (name) => {
    const config = configOf(name)
    expect(readdirSync(join(folderOf(name), 'trace'))).toHaveLength(4)
    const timeline = await open(name)
    expect(timeline.title).toMatch(/^[a-z0-9-]+ · 4 ranks$/)
    const { kernels } = communicationOf(timeline)
    const counted = (rank: number): number => kernels.filter((kernel) => kernel.rank === rank).length
    // One kernel for what a channel moves in a step, as of batched sends and receives on NCCL.
    const planned = planRun(config).ranks.map(({ steps }) => config.iterations *
      steps.reduce((sum, { sends, recvs }) => sum + new Set([...sends, ...recvs].map(({ channel }) => channel)).size, 0))
    expect([0, 1, 2, 3].map(counted)).toEqual(planned)
  })

  it('its iterations are what is compared: no shorter than the rank saw them, no longer than the steps of the profiler', async () => {
    const timeline = await open('zigzag')
    const [iterations, steps] = ([null, 'profiler-steps'] as const).map((wanted) => measureTimeline(timeline, wanted).windows)
    const lastedNs = (windows: typeof iterations): number[] => windows.map(({ ranks }) => Math.max(...ranks.map(({ windowNs }) => windowNs)))
    const measured = resultOf('zigzag').iterations.map(({ makespanMs }) => makespanMs * 1e6)
    expect([measureTimeline(timeline, null).windowKind, iterations.length]).toEqual(['iterations', configOf('zigzag').iterations])
    for (const [at, lasted] of lastedNs(iterations).entries()) {
      // Traces count in whole µs in some versions of PyTorch.
      expect(lasted).toBeGreaterThan(measured[at] - 2000)
      expect(lasted).toBeLessThan(lastedNs(steps)[at])
    }
  })

  it('rings are recognised: forward and backward, each way round, with the plan\'s hops and bytes', async () => {
    const timeline = await open('zigzag')
    const { rings, ranks, steps } = analyzeTimeline(timeline)
    expect(rings.map(({ pass, ranks: order, passes, steps: count, bytesPerHop }) => [pass, order.join(' '), passes, count, bytesPerHop])).toEqual([
      ['forward', '0 1 2 3', 2, 4, planRun(configOf('zigzag')).bytesPerHop], ['backward', '0 3 2 1', 2, 4, planRun(configOf('zigzag')).bytesPerHop],
    ])
    expect(steps).toHaveLength(4 * 8)
    for (const { computeUs, commUs } of ranks) {
      expect(computeUs).toBeGreaterThan(0)
      expect(commUs).toBeGreaterThan(0)
    }
  })

  it('starts by its own script, and opens beside its simulation', async () => {
    const folder = join(scratch, 'alone')
    const config = parseRunConfig({ name: 'Alone', world: 1, seqLen: 64, heads: 2, headDim: 16, iterations: 1 }, 'alone')
    await writeClusterFolder(folder, await clusterFiles(config, clusterLaunch(config, {}), installation.clusterDir, emulatedCluster(config, { gflopsPerRank: 10, link: null })), { force: false })
    const { stdout } = await run('bash', [join(folder, 'torchrun.sh'), '--kernel', 'tiles', '--device', 'cpu'], { env: { ...process.env, PYTHON: python } })
    expect(stdout).toMatch(/Alone: 1 ranks, torch .*, gloo, float32[\s\S]*kernels: tiles of 128 x 256[\s\S]*verification passed/)
    const timelines = await openTraces(traceFiles([folder]))
    expect(timelines.map(({ title, source }) => [title, source])).toEqual([['alone-rank-0.pt.trace.json.gz', 'trace'], ['Alone (simulated)', 'simulation']])
  })

  describe('in one process', () => {
    let found: z.output<typeof findings>
    beforeAll(async () => {
      // Not all of its ranks move something in every step.
      const folder = join(scratch, 'checked')
      await write(folder, configOf('DistFlash'))
      found = findings.parse(JSON.parse((await run(python, [script('check_sources.py'), folder])).stdout))
    }, 60_000)

    it('flash-attn is used with either form of its backward function', () => {
      expect(found.flashAttn).toEqual({ '2.6': 'used', '2.7': 'used' })
    })

    it("PyTorch's flash attention for GPUs takes the arguments that it is given", () => {
      expect(found.sdpaCuda).toEqual([[2, 4, 40, 64], [2, 4, 40], [2, 4, 40, 64], [2, 2, 64, 64], [2, 2, 64, 64]])
    })

    it('all ranks are in the first operation of every group, as NCCL needs it, and --timeout is that of the groups', () => {
      expect(found.groups.made).toEqual([['kv', 7], ['dkv', 7], ['query', 7], ['result', 7]])
      expect(found.groups.joined).toEqual(['kv', 'dkv', 'query', 'result'])
    })

    it('results of an earlier run stay where a kernel is asked for that does not work here', () => {
      expect(found.keepsResults).toBe(true)
    })

    it.each([
      ['alone', 'start the ranks by torchrun'], ['otherWorld', 'config.json is for 4 ranks and torchrun started 8'],
      ['edited', 'config.json differs in layout'], ['dtype', '--dtype bfloat16: config.json sends K and V as float32'],
      // Said by the rank that has none: the first may have one.
      ['noGpu', 'rank 1: this node has 0 GPUs'],
    ])('says what is wrong before anything runs: %s', (name, message) => {
      expect(found.messages[name]).toEqual([2, expect.stringContaining(message)])
    })
  })
})
