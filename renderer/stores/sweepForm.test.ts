import fc from 'fast-check'
import { createPinia, setActivePinia } from 'pinia'
import { describe, expect, it, vi } from 'vitest'
import type { ConfigField } from '../../preload/contract/config.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { provideBridge } from '../bridge/current.ts'
import { memoryBridge } from '../bridge/memoryBridge.ts'
import { useConfigs } from './configs.ts'
import { useSweepDraft } from './sweepDraft.ts'
import { axesOf, axisFields, axisProblem, parseBlocks, parseNumbers, parseRepeats, SHARD_TOKENS, textOfRow, type AxisContext, type AxisRow } from './sweepForm.ts'

const field = (path: string, change: Partial<ConfigField> = {}): ConfigField => ({ path, label: path, group: 'Problem', kind: 'integer', help: '', min: 1, ...change })
const CONTEXT: AxisContext = {
  fields: [
    field('seqLen', { max: 1 << 20 }), field('headDim', { max: 512 }), field('blockQ'), field('blockK'), field('name', { kind: 'text' }),
    field('link.bandwidthGBps', { kind: 'number', min: 0 }), field('window', { onlyWith: { path: 'algorithm', values: ['double-ring'] } }),
  ],
  draft: { seqLen: '4096', headDim: '64', 'link.bandwidthGBps': '', algorithm: 'ring' },
  shard: { tokens: 1024, ranks: 4 },
}
const row = (path: string, text: string | null = null, id = 0): AxisRow => ({ id, path, text })

describe('numbers of an axis', () => {
  it('are read however they are separated, ascending and each once', () => {
    expect(parseBlocks('128, 32 64;32')).toEqual([32, 64, 128])
    expect(parseNumbers('0.5, 4', { kind: 'number' })).toEqual([0.5, 4])
    expect(parseRepeats(' 7 ')).toBe(7)
  })

  it('are refused as a whole where one of them is none of the field', () => {
    for (const text of ['', '0', '1.5', 'a', '64, -1', '2000000', '1e999']) expect(parseBlocks(text), text).toBeNull()
    for (const text of ['', '3, 4', '1001', 'x']) expect(parseRepeats(text), text).toBeNull()
  })

  it('come back as they were written', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 1 << 20 }), { minLength: 1, maxLength: 40 }), (blocks) => {
      expect(parseBlocks(blocks.join(', '))).toEqual([...blocks].sort((a, b) => a - b))
    }))
  })
})

describe('axes', () => {
  it('may be every number that has an effect in the config; of tiles without their two sides, of rings with the shard first', () => {
    expect(axisFields('tile', CONTEXT).map(({ path }) => path)).toEqual(['seqLen', 'headDim', 'link.bandwidthGBps'])
    expect(axisFields('ring', CONTEXT).map(({ path }) => path)).toEqual([SHARD_TOKENS, 'seqLen', 'headDim', 'blockQ', 'blockK', 'link.bandwidthGBps'])
    const doubled = { ...CONTEXT, draft: { ...CONTEXT.draft, algorithm: 'double-ring' } }
    expect(axisFields('tile', doubled).map(({ path }) => path)).toContain('window')
  })

  it('suggest values around the config\'s, inside the field\'s bounds', () => {
    expect(textOfRow(row('headDim'), 'tile', CONTEXT)).toBe('32, 64, 128')
    expect(textOfRow(row('headDim'), 'tile', { ...CONTEXT, draft: { headDim: '512' } })).toBe('256, 512')
    expect(textOfRow(row(SHARD_TOKENS), 'ring', CONTEXT)).toBe('128, 256, 512, 1024, 2048')
    expect(textOfRow(row('headDim', '8, 16'), 'tile', CONTEXT)).toBe('8, 16')
  })

  it('of tokens per rank are sequences: each shared by the ranks of a ring', () => {
    expect(axesOf([row(SHARD_TOKENS, '128, 256')], 'ring', CONTEXT)).toEqual([{ path: 'seqLen', values: [512, 1024] }])
    expect(axesOf([row(SHARD_TOKENS, '128')], 'ring', { ...CONTEXT, shard: null }), 'before the config has a plan').toBeNull()
  })

  it('say what is wrong with them', () => {
    const problem = (...rows: AxisRow[]) => axisProblem(rows[rows.length - 1], rows, 'ring', CONTEXT)
    expect(problem(row('headDim', '64, 1000'))).toBe('headDim: expected integers from 1 to 512 separated by commas')
    expect(problem(row('headDim'), row('headDim', '8', 1))).toMatch(/varied already/)
    expect(problem(row(SHARD_TOKENS), row('seqLen', null, 1))).toMatch(/same axis/)
    expect(problem(row('window'))).toMatch(/no effect in this config/)
    expect(problem(row('headDim'))).toBeNull()
    expect(axesOf([row('headDim', 'x')], 'tile', CONTEXT)).toBeNull()
  })
})

describe('the form', () => {
  it('asks nothing until the config is checked and every input is one', async () => {
    setActivePinia(createPinia())
    const plan = { plan: { shardTokens: 1024, paddedSeqLen: 4096 } } as unknown as PlanReport
    provideBridge(memoryBridge({
      'config.list': () => ({ fields: CONTEXT.fields, configs: [{ id: 'a', source: 'fixture', group: '', fileName: 'a.json', config: { seqLen: 4096, headDim: 64 } as never, problems: [] }] }),
      'config.check': () => ({ problems: [], plan }),
    }))
    const draft = useSweepDraft()
    expect([draft.askOf('tile'), draft.askOf('ring')]).toEqual([null, null])
    const configs = useConfigs()
    await configs.load()
    await vi.waitFor(() => expect(configs.ready).toBe(true))
    expect(draft.askOf('tile')).toMatchObject({ kind: 'tile', blockQ: [32, 64, 128, 256, 512], axes: [], repeats: 5, fresh: false, config: { headDim: 64 } })
    expect(draft.askOf('ring')).toMatchObject({ kind: 'ring', axes: [{ path: 'seqLen', values: [512, 1024, 2048, 4096, 8192] }], repeats: 3 })
    draft.addAxis('tile', 'headDim')
    expect(draft.askOf('tile')?.axes).toEqual([{ path: 'headDim', values: [32, 64, 128] }])
    draft.changeAxis('tile', draft.rows.tile[0].id, { text: '' })
    expect(draft.askOf('tile')).toBeNull()
    draft.removeAxis('tile', draft.rows.tile[0].id)
    draft.fresh = true
    expect(draft.askOf('tile')).toMatchObject({ axes: [], fresh: true })
  })
})
