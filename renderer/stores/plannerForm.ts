import { clusterOf } from '../../preload/contract/clusterOf.ts'
import type { Problem, RunConfig } from '../../preload/contract/config.ts'
import type { ModelSizes, PlannerTables } from '../../preload/contract/planner.ts'
import type { ClusterModel, Disturbance, LinkModel } from '../../preload/contract/simulation.ts'
import { formatGigabytesPerSecond } from '../format/quantity.ts'
import {
  DEVICE_FIELDS, DISTURBANCE_FIELDS, INTER_FIELDS, INTRA_FIELDS, MODEL_FIELDS, NODE_FIELD, type PlannerField,
} from './plannerFields.ts'

/** The texts of the planner's inputs by the path of their field, as typed. */
export type PlannerDraft = Readonly<Record<string, string>>

/** What stands in a select whose figures were edited. */
export const CUSTOM = 'custom'
/** The accelerator that is this machine, as it was measured. */
export const THIS_MACHINE = 'this-machine'
/** No model: attention alone. */
export const NO_MODEL = ''

/** What the form holds before the tables have come. */
export const EMPTY_DRAFT: PlannerDraft = {
  accelerator: CUSTOM, intra: CUSTOM, inter: CUSTOM, model: NO_MODEL, elementBytes: '2-4', ranksPerNode: '',
  blockOverheadUs: '0', rowNs: '0', intraLatencyUs: '0', interLatencyUs: '0', recompute: 'full',
  computeJitter: '0', linkJitter: '0', seed: '0', progress: 'free', stragglerFactor: '2', deathStep: '1',
}

/** The config's own link, rates and slow ranks are no part of the question, nor is how it arranges the problem, but for its layout. */
const ASKED_AS: Partial<RunConfig> = { algorithm: 'ring', window: 1, ulyssesDegree: 1, devices: 'auto', stragglers: {} }

/** The problem of a config: what every arrangement is to solve. Its layout is that of the plain ring that the wire is held against. */
export const problemOf = (config: Readonly<Record<string, unknown>>): Record<string, unknown> => ({ ...config, ...ASKED_AS })

/** Five significant digits, so that nobody reads 205.92000000000002. */
const text = (value: number): string => String(Number(value.toPrecision(5)))

const linkTexts = (end: 'intra' | 'inter', link: LinkModel): PlannerDraft =>
  ({ [`${end}GBps`]: text(link.bandwidthGBps), [`${end}LatencyUs`]: text(link.latencyUs) })

function deviceTexts(device: ClusterModel['device']): PlannerDraft {
  return {
    forwardTflops: text(device.forwardGflops / 1000), backwardTflops: text(device.backwardGflops / 1000),
    blockOverheadUs: text(device.blockOverheadUs), rowNs: text(device.rowNs),
    tile: device.tile === null ? '' : `${device.tile.blockQ}, ${device.tile.blockK}`,
    memoryGB: device.memoryBytes === null ? '' : text(device.memoryBytes / 1e9),
  }
}

/**
 * The draft with an accelerator's figures in it; this machine brings its own link and element sizes.
 * @param headDim of the problem: what merging a row costs grows with it
 */
export function withAccelerator(draft: PlannerDraft, tables: PlannerTables, id: string, headDim: number): PlannerDraft {
  if (id === THIS_MACHINE && tables.thisMachine !== null) {
    const { device, intra } = tables.thisMachine
    return {
      ...draft, ...deviceTexts(device), accelerator: id, elementBytes: 'config', ranksPerNode: '', intra: CUSTOM,
      ...(intra === null ? { intraGBps: '' } : linkTexts('intra', intra)),
    }
  }
  const accelerator = tables.accelerators.find((entry) => entry.id === id)
  if (accelerator === undefined) return { ...draft, accelerator: CUSTOM }
  const { device } = clusterOf({ accelerator, link: { bandwidthGBps: 1, latencyUs: 0 }, nodes: null, headDim })
  const elementBytes = draft.accelerator === THIS_MACHINE ? EMPTY_DRAFT.elementBytes : draft.elementBytes
  return { ...draft, ...deviceTexts(device), elementBytes, accelerator: id }
}

/** The draft with a link's figures in it. */
export function withLink(draft: PlannerDraft, tables: PlannerTables, end: 'intra' | 'inter', id: string): PlannerDraft {
  const link = tables.links.find((entry) => entry.id === id)
  return link === undefined ? { ...draft, [end]: CUSTOM } : { ...draft, [end]: id, ...linkTexts(end, link) }
}

/** The draft with a model's own training and sharding in it. */
export function withModel(draft: PlannerDraft, tables: PlannerTables, id: string): PlannerDraft {
  const sizes = tables.models.find((entry) => entry.id === id)?.sizes
  if (sizes === undefined) return { ...draft, model: NO_MODEL }
  return {
    ...draft, model: id, trainingBytesPerWeight: text(sizes.trainingBytesPerWeight), weightShards: text(sizes.weightShards), recompute: sizes.recompute,
  }
}

const LARGEST_TILE = 1 << 20
const DEVICE_PATHS = new Set(DEVICE_FIELDS.map(({ path }) => path))

/** The draft with one input edited: a table's entry whose figures were edited is no longer that entry. */
export function withField(draft: PlannerDraft, path: string, typed: string): PlannerDraft {
  const edited = { ...draft, [path]: typed }
  if (DEVICE_PATHS.has(path)) return { ...edited, accelerator: CUSTOM }
  const end = /^(intra|inter)(GBps|LatencyUs)$/.exec(path)?.[1]
  return end === undefined ? edited : { ...edited, [end]: CUSTOM }
}

/** Eight of the first accelerator to a node of its kind: what a cluster usually is. */
export function firstDraft(tables: PlannerTables, headDim: number): PlannerDraft {
  const linkOf = (kind: string): string => tables.links.find((link) => link.kind === kind)?.id ?? CUSTOM
  const device = withAccelerator(EMPTY_DRAFT, tables, tables.accelerators.at(0)?.id ?? CUSTOM, headDim)
  return withLink(withLink({ ...device, ranksPerNode: '8' }, tables, 'intra', linkOf('nvlink')), tables, 'inter', linkOf('infiniband'))
}

/** Reads numbers of a draft and notes those that are none. */
class Reader {
  readonly problems: Problem[] = []
  private readonly draft: PlannerDraft

  constructor(draft: PlannerDraft) {
    this.draft = draft
  }

  private refuse(path: string, expected: string): void {
    const given = this.draft[path]?.trim() ?? ''
    this.problems.push({ path, expected, given: given === '' ? 'nothing' : `"${given}"` })
  }

  isEmpty(path: string): boolean {
    return (this.draft[path] ?? '').trim() === ''
  }

  /** @param exclusive whether the field's least value itself is refused */
  number(fields: readonly PlannerField[], path: string, exclusive = false): number {
    const field = fields.find((entry) => entry.path === path)
    const [least, most] = [field?.min ?? 0, field?.max ?? Number.MAX_SAFE_INTEGER]
    const value = Number(this.draft[path])
    const whole = field?.kind === 'integer'
    const inside = exclusive ? value > least : value >= least
    if (!this.isEmpty(path) && inside && value <= most && (!whole || Number.isInteger(value))) return value
const from = exclusive ? `above ${least}` : `from ${least}`
    const to = most === Number.MAX_SAFE_INTEGER ? '' : `${exclusive ? ', at most' : ' to'} ${most}`
    this.refuse(path, `${whole ? 'an integer' : 'a number'} ${from}${to}`)
    return Number.NaN
  }

  tile(): ClusterModel['device']['tile'] {
    if (this.isEmpty('tile')) return null
    const sides = this.draft.tile.split(/[\s,x×]+/).filter((part) => part !== '').map(Number)
    if (sides.length === 2 && sides.every((side) => Number.isInteger(side) && side >= 1 && side <= LARGEST_TILE)) return { blockQ: sides[0], blockK: sides[1] }
    this.refuse('tile', 'two integers, query rows and keys, such as 128, 128')
    return null
  }
}

const ELEMENTS: Readonly<Record<string, ClusterModel['elementBytes']>> = {
  '2-4': { kv: 2, query: 2, gradient: 4 }, '2-2': { kv: 2, query: 2, gradient: 2 }, config: null,
}

/** What the form makes of its inputs, or what is wrong with them. */
export interface Parsed<T> {
  readonly value: T | null
  readonly problems: readonly Problem[]
}

const parsed = <T>(value: T, { problems }: Reader): Parsed<T> => ({ value: problems.length === 0 ? value : null, problems })

function linkLabel(draft: PlannerDraft, tables: PlannerTables, end: 'intra' | 'inter'): string {
  return tables.links.find(({ id }) => id === draft[end])?.label ?? formatGigabytesPerSecond(Number(draft[`${end}GBps`]))
}

function deviceLabel(draft: PlannerDraft, tables: PlannerTables): string {
  if (draft.accelerator === THIS_MACHINE) return tables.thisMachine?.label ?? 'this machine'
  return tables.accelerators.find(({ id }) => id === draft.accelerator)?.label ?? 'a device of your own figures'
}

/** The cluster that the draft describes for so many devices; those that fit in a node need no link between nodes. */
export function readCluster(draft: PlannerDraft, tables: PlannerTables, world: number): Parsed<ClusterModel> {
  const reader = new Reader(draft)
  const read = (path: string, exclusive = false): number => reader.number(DEVICE_FIELDS, path, exclusive)
  const device = {
    forwardGflops: read('forwardTflops', true) * 1000, backwardGflops: read('backwardTflops', true) * 1000,
    blockOverheadUs: read('blockOverheadUs'), rowNs: read('rowNs'), tile: reader.tile(),
    memoryBytes: reader.isEmpty('memoryGB') ? null : read('memoryGB', true) * 1e9,
  }
  const intra = reader.isEmpty('intraGBps')
    ? null
    : { bandwidthGBps: reader.number(INTRA_FIELDS, 'intraGBps', true), latencyUs: reader.number(INTRA_FIELDS, 'intraLatencyUs') }
  const perNode = reader.isEmpty('ranksPerNode') ? null : reader.number([NODE_FIELD], 'ranksPerNode')
  const nodes = perNode === null || perNode >= world
    ? null
    : { perNode, inter: { bandwidthGBps: reader.number(INTER_FIELDS, 'interGBps', true), latencyUs: reader.number(INTER_FIELDS, 'interLatencyUs') } }
  const inNode = intra === null ? 'free links' : linkLabel(draft, tables, 'intra')
  const between = nodes === null ? '' : `; nodes of ${nodes.perNode} over ${linkLabel(draft, tables, 'inter')}`
  return parsed({
    label: `${deviceLabel(draft, tables)}, ${inNode}${between}`.slice(0, 200), device, elementBytes: ELEMENTS[draft.elementBytes] ?? null,
    intra, inter: nodes?.inter ?? null, ranksPerNode: nodes?.perNode ?? null,
    ...(draft.accelerator === THIS_MACHINE && tables.thisMachine?.runtime !== undefined ? { runtime: tables.thisMachine.runtime } : {}),
  }, reader)
}

/** The model that the draft describes; null without one. */
export function readModel(draft: PlannerDraft, tables: PlannerTables): Parsed<ModelSizes> {
  const sizes = tables.models.find(({ id }) => id === draft.model)?.sizes
  if (sizes === undefined) return { value: null, problems: [] }
  const reader = new Reader(draft)
  return parsed({
    ...sizes, trainingBytesPerWeight: reader.number(MODEL_FIELDS, 'trainingBytesPerWeight'), weightShards: reader.number(MODEL_FIELDS, 'weightShards'),
    recompute: draft.recompute === 'none' ? 'none' : 'full',
  }, reader)
}

/** What goes otherwise than planned in a simulation: the disturbance, and slow ranks as a config has them. */
export interface Troubles {
  readonly disturbance: Disturbance
  readonly stragglers: Readonly<Record<string, number>>
}

/** @param world ranks of the problem: those of the draft must be among them */
export function readTroubles(draft: PlannerDraft, world: number): Parsed<Troubles> {
  const ofRanks = DISTURBANCE_FIELDS.map((field) => (field.path.endsWith('Rank') ? { ...field, max: Math.max(0, world - 1) } : field))
  const reader = new Reader(draft)
  const read = (path: string): number => reader.number(ofRanks, path)
  return parsed({
    disturbance: {
      computeJitter: read('computeJitter') / 100, linkJitter: read('linkJitter') / 100, seed: read('seed'),
      death: reader.isEmpty('deathRank') ? null : { rank: read('deathRank'), step: read('deathStep') },
      progress: draft.progress === 'barrier' ? 'barrier' : 'free',
    },
    stragglers: reader.isEmpty('stragglerRank') ? {} : { [String(read('stragglerRank'))]: read('stragglerFactor') },
  }, reader)
}
