import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import type { ConfigEntry, ConfigField, RunConfig } from '../../preload/contract/config.ts'
import type { PlannerAnswers } from '../../preload/contract/planner.ts'
import type { RouteInput } from '../../preload/contract/routes.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { provideBridge } from '../bridge/current.ts'
import { memoryBridge, type MemoryBridge, type RouteHandlers } from '../bridge/memoryBridge.ts'
import { useConfigs } from './configs.ts'
import { useNotices } from './notices.ts'
import { usePlanner } from './planner.ts'
import { useShell } from './shell.ts'
import { ANSWERS, candidate, configOfTest, TABLES } from './testPlannerData.ts'
import { useTimelines } from './timelines.ts'

const FIELDS: ConfigField[] = [
  ...['world', 'seqLen', 'heads', 'kvHeads', 'headDim', 'batch', 'window', 'ulyssesDegree', 'ringSets'].map((path): ConfigField => ({ path, label: path, group: 'Problem', kind: 'integer', help: '' })),
  ...['name', 'mask', 'pass', 'layout', 'algorithm', 'backend'].map((path): ConfigField => ({ path, label: path, group: 'Problem', kind: 'choice', help: '' })),
]
const entry = (id: string, change: Partial<RunConfig> = {}): ConfigEntry =>
  ({ id, source: 'fixture', group: 'Examples', fileName: `${id}.json`, config: configOfTest(change), problems: [] })

type Planner = ReturnType<typeof usePlanner>

/** The planner with its tables and a config of 8 ranks, before it asks anything. */
async function open(handlers: RouteHandlers): Promise<{ planner: Planner; bridge: MemoryBridge }> {
  const bridge = memoryBridge({
    'config.list': () => ({ fields: FIELDS, configs: [entry('a'), entry('b', { world: 2 })] }),
    'config.check': () => ({ problems: [], plan: { plan: {} } as never }),
    'planner.tables': () => TABLES, 'planner.published': () => [], ...handlers,
  })
  provideBridge(bridge)
  const planner = usePlanner()
  await useConfigs().load()
  await planner.load()
  return { planner, bridge }
}

const asked = (bridge: MemoryBridge): RouteInput<'planner.ask'>[] =>
  bridge.requests.filter(({ route }) => route === 'planner.ask').map(({ input }) => input as RouteInput<'planner.ask'>)
const worldOf = ({ config }: RouteInput<'planner.ask'>): unknown => (config as RunConfig).world

beforeEach(() => {
  setActivePinia(createPinia())
  sessionStorage.clear()
})

describe('the planner', () => {
  it('asks for the config\'s problem on the form\'s cluster, without touching the config', async () => {
    const { planner, bridge } = await open({ 'planner.ask': () => ANSWERS })
    planner.setProblem({ world: '64', seqLen: '1048576' })
    planner.askSoon()
    expect(planner.asking).toBe(true)
    await vi.waitFor(() => expect(planner.answers).toEqual(ANSWERS))
    expect(asked(bridge)).toEqual([{
      config: expect.objectContaining({ world: 64, seqLen: 1_048_576, heads: 8, layout: 'zigzag', algorithm: 'ring', backend: 'wasm' }),
      cluster: expect.objectContaining({ label: 'A100, nv3 link; nodes of 8 over ib link', ranksPerNode: 8 }), model: null,
    }])
    expect([planner.asking, planner.stale, useConfigs().config.world]).toEqual([false, false, 8])
  })

  it('asks once when the user pauses, not at every key', async () => {
    const { planner, bridge } = await open({ 'planner.ask': () => ANSWERS })
    for (const world of ['1', '10', '102', '1024']) {
      planner.setProblem({ world })
      planner.askSoon()
    }
    await vi.waitFor(() => expect(planner.asking).toBe(false))
    expect(asked(bridge).map(worldOf)).toEqual([1024])
  })

  it('takes the answer to the newest question, whichever comes last', async () => {
    const waiting: ((answers: PlannerAnswers) => void)[] = []
    const { planner } = await open({ 'planner.ask': () => new Promise((resolve) => waiting.push(resolve)) })
    planner.askSoon()
    await vi.waitFor(() => expect(waiting).toHaveLength(1))
    planner.setProblem({ world: '64' })
    planner.askSoon()
    await vi.waitFor(() => expect(waiting).toHaveLength(2))
    waiting[1]({ ...ANSWERS, shardTokens: 64 })
    await vi.waitFor(() => expect(planner.answers?.shardTokens).toBe(64))
    waiting[0]({ ...ANSWERS, shardTokens: 8 })
    await nextTick()
    await nextTick()
    expect([planner.answers?.shardTokens, planner.answered?.world, planner.asking]).toEqual([64, 64, false])
  })

  it('marks answers as stale while the form is ahead of them, and as right again when it goes back', async () => {
    const { planner, bridge } = await open({ 'planner.ask': () => ANSWERS })
    planner.askSoon()
    await vi.waitFor(() => expect(planner.stale || planner.answers === null).toBe(false))
    planner.setProblem({ world: '16' })
    expect(planner.stale).toBe(true)
    planner.resetProblem()
    planner.askSoon()
    expect([planner.stale, planner.asking]).toEqual([false, false])
    expect(asked(bridge)).toHaveLength(1)
  })

  it('asks nothing while an input is wrong, and says which', async () => {
    const { planner } = await open({ 'planner.ask': () => ANSWERS })
    planner.setField('intraGBps', 'fast')
    expect(planner.question).toBeNull()
    expect(planner.problemsOf('intraGBps')).toEqual([{ path: 'intraGBps', expected: 'a number above 0, at most 1000000000', given: '"fast"' }])
    planner.askSoon()
    expect(planner.asking).toBe(false)
  })

  it('shows a refused question beside the inputs it names, keeps the last answers and asks again', async () => {
    let refuse = false
    const problems = [{ path: 'seqLen', expected: 'an integer', given: '"x"' }, { path: 'cuSeqlens', expected: 'boundaries', given: '[0]' }]
    const { planner } = await open({ 'planner.ask': () => (refuse ? { ok: false, error: { code: 'invalid-input', message: 'refused', problems } } : ANSWERS) })
    planner.askSoon()
    await vi.waitFor(() => expect(planner.answers).not.toBeNull())
    refuse = true
    planner.setProblem({ seqLen: 'x' })
    planner.askSoon()
    await vi.waitFor(() => expect(planner.error?.message).toBe('refused'))
    expect([planner.problemsOf('seqLen'), planner.otherProblems, planner.stale]).toEqual([[problems[0]], [problems[1]], true])
    expect(planner.answers).toEqual(ANSWERS)
    refuse = false
    await planner.askAgain()
    expect([planner.error, planner.stale]).toEqual([null, false])
  })

  it('tells what the host says when the tables cannot be read, and reads them when asked again', async () => {
    let broken = true
    const { planner } = await open({ 'planner.tables': () => (broken ? { ok: false, error: { code: 'internal', message: 'no tables' } } : TABLES), 'planner.ask': () => ANSWERS })
    expect([planner.loadError?.message, planner.question]).toEqual(['no tables', null])
    broken = false
    await planner.askAgain()
    expect([planner.loadError, planner.answers]).toEqual([null, ANSWERS])
  })

  it('begins with the next config\'s own problem', async () => {
    const { planner } = await open({})
    planner.setProblem({ world: '64' })
    useConfigs().select('b')
    await nextTick()
    expect([planner.world, planner.overrides]).toEqual([2, {}])
  })

  it('takes a model\'s heads, and what merging costs with them', async () => {
    const { planner } = await open({})
    const before = Number(planner.draft.rowNs)
    planner.choose('model', 'm')
    planner.useModelHeads()
    await nextTick()
    expect(planner.problem).toMatchObject({ heads: 32, kvHeads: 8, headDim: 128 })
    expect(Number(planner.draft.rowNs)).toBeCloseTo(2 * before)
    expect(planner.question?.model).toEqual(TABLES.models[0].sizes)
  })

  it('measures this machine and plans with it', async () => {
    let measured = false
    const { planner, bridge } = await open({
      'planner.tables': () => ({ ...TABLES, thisMachine: measured ? TABLES.thisMachine : null }),
      'machine.rates': () => {
        measured = true
        return null
      },
    })
    await planner.measure()
    expect(bridge.requests).toContainEqual({ route: 'machine.rates', input: { measure: true } })
    expect([planner.draft.accelerator, planner.question?.cluster.device.forwardGflops]).toEqual(['this-machine', 30])
  })

  it('says that a machine without a measured attention block cannot be planned with', async () => {
    const { planner } = await open({ 'planner.tables': () => ({ ...TABLES, thisMachine: null }), 'machine.rates': () => null })
    await planner.measure()
    expect([planner.draft.accelerator, useNotices().notices[0].message]).toEqual(['a100', expect.stringMatching(/no attention block/)])
  })

  it('reports a measurement that is refused', async () => {
    const { planner } = await open({ 'machine.rates': () => ({ ok: false, error: { code: 'busy', message: 'a run goes on' } }) })
    await planner.measure()
    expect([planner.measuring, planner.draft.accelerator, useNotices().notices[0].message]).toEqual([false, 'a100', 'a run goes on'])
  })
})

describe('an arrangement', () => {
  const hybrid = candidate('Ulysses 8 x zigzag ring 8', 4, { world: 64, algorithm: 'hybrid', ulyssesDegree: 8, backend: 'auto' })

  it('goes into the Run form, whose backend stays', async () => {
    const { planner } = await open({})
    planner.setProblem({ world: '64' })
    planner.takeConfig(hybrid)
    expect(useConfigs().config).toMatchObject({ name: '64 ranks, Ulysses 8 x zigzag ring 8', world: 64, algorithm: 'hybrid', ulyssesDegree: 8, backend: 'wasm', seqLen: 4096 })
    expect([useShell().view, useConfigs().edited, planner.overrides]).toEqual(['run', true, {}])
  })

  it('is simulated on the cluster of its answers with the form\'s disturbances, and its timeline shown', async () => {
    const { planner, bridge } = await open({
      'planner.ask': () => ANSWERS, 'simulation.open': () => ({ timelineId: 't7' }), 'timeline.list': () => [{ timelineId: 't7', source: 'simulation' } as TimelineSummary],
    })
    planner.askSoon()
    await vi.waitFor(() => expect(planner.answers).not.toBeNull())
    planner.setField('stragglerRank', '3')
    planner.setField('linkJitter', '10')
    await planner.simulate(hybrid)
    expect(bridge.requests).toContainEqual({
      route: 'simulation.open',
      input: {
        config: { ...hybrid.config, name: '64 ranks, Ulysses 8 x zigzag ring 8', stragglers: { 3: 2 } }, cluster: ANSWERS.cluster,
        disturbance: { computeJitter: 0, linkJitter: 0.1, seed: 0, death: null, progress: 'free' },
      },
    })
    expect([useTimelines().currentId, useShell().view, planner.busyWith]).toEqual(['t7', 'timeline', null])
  })

  it('stays in the planner when its simulation fails, which is said', async () => {
    const { planner } = await open({ 'planner.ask': () => ANSWERS, 'simulation.open': () => ({ ok: false, error: { code: 'internal', message: 'too large' } }) })
    useShell().show('planner')
    planner.askSoon()
    await vi.waitFor(() => expect(planner.answers).not.toBeNull())
    await planner.simulate(hybrid)
    expect([useShell().view, useNotices().notices[0].message, planner.busyWith]).toEqual(['planner', 'too large', null])
  })

  it('is downloaded as a folder that runs it on a cluster', async () => {
    const names: string[] = []
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function click(this: HTMLAnchorElement) {
      names.push(this.download)
    })
    const { planner, bridge } = await open({ 'cluster.export': () => ({ fileName: 'hybrid.tar.gz', bytes: new Uint8Array([1, 2]) }) })
    await planner.saveFolder(hybrid)
    expect(bridge.requests).toContainEqual({ route: 'cluster.export', input: { config: { ...hybrid.config, name: '64 ranks, Ulysses 8 x zigzag ring 8' } } })
    expect([names, planner.busyWith]).toEqual([['hybrid.tar.gz'], null])
    vi.restoreAllMocks()
  })
})
