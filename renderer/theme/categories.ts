import { SPAN_CATEGORIES, type SpanCategory } from '../../preload/contract/timeline.ts'

/** How a category of spans looks and what it means, everywhere it appears. */
export interface CategoryLook {
  readonly label: string
  /** Okabe-Ito, told apart in grey by lightness; null is drawn hatched grey. */
  readonly colour: string | null
  /** Definition, for legends and tooltips. */
  readonly meaning: string
  /** Higher is drawn later, over what it nests in. */
  readonly layer: number
}

const BLUE = '#0072B2'
const GREEN = '#009E73'
const ORANGE = '#E69F00'
const VERMILION = '#D55E00'
const SKY = '#56B4E9'
const PURPLE = '#CC79A7'
/** Lighter than the others: told apart from them in grey, and from idle time by not being hatched. */
const GREY = '#B4B9C1'

export const CATEGORY_LOOKS: Readonly<Record<SpanCategory, CategoryLook>> = {
  compute: { label: 'compute', colour: BLUE, layer: 5, meaning: 'Attention arithmetic of one step' },
  merge: { label: 'merge', colour: SKY, layer: 6, meaning: 'Adding what arrived to what is there: a partial output, or a travelling gradient' },
  h2d: { label: 'host to device', colour: PURPLE, layer: 4, meaning: 'Copy from host memory to the device' },
  d2h: { label: 'device to host', colour: PURPLE, layer: 4, meaning: 'Copy from the device to host memory' },
  send: { label: 'send', colour: GREEN, layer: 3, meaning: 'Bytes of a block leaving for another rank, first byte to last' },
  recv: { label: 'receive', colour: GREEN, layer: 3, meaning: 'Bytes of a block arriving, first byte to last' },
  'wait-peer': { label: 'waiting for a late peer', colour: ORANGE, layer: 2, meaning: 'The peer had not begun to send: imbalance' },
  'wait-link': { label: 'waiting for the wire', colour: VERMILION, layer: 2, meaning: 'Bytes are under way and no compute hides them' },
  barrier: { label: 'barrier', colour: null, layer: 1, meaning: 'Waiting for all ranks between iterations' },
  communication: { label: 'communication kernel', colour: GREEN, layer: 3, meaning: 'A communication kernel as the trace recorded it, its spinning included' },
  memory: { label: 'memory', colour: PURPLE, layer: 4, meaning: 'Memory copies and fills on the device' },
  other: { label: 'other', colour: GREY, layer: 0, meaning: 'Spans that are neither compute nor communication' },
}

/** What categories mean in the traces of other tools, which name kernels rather than steps. */
const FOREIGN_MEANINGS: Partial<Readonly<Record<SpanCategory, string>>> = {
  compute: 'Kernels that compute',
  communication: 'Communication kernels as the trace recorded them, from the launch until the last byte; the part that waits for a late peer is drawn over it',
  'wait-peer': 'The start of a communication kernel, until the last rank that it needs began its own: imbalance. Hatched where it is estimated, because the trace of a rank is missing',
  other: 'Whatever is neither compute nor communication nor memory: host threads, annotations, kernels that no rule knows',
}

/** @param foreign whether the timeline is another tool's trace */
export const meaningOf = (category: SpanCategory, foreign: boolean): string =>
  (foreign ? FOREIGN_MEANINGS[category] : undefined) ?? CATEGORY_LOOKS[category].meaning

/** Idle time is the absence of spans; charts that draw it use the same hatched grey as barriers. */
export const IDLE_LOOK = { label: 'other idle', meaning: 'No span of any other kind: barrier, start-up and bookkeeping' } as const

/** The look of a category code of a viewport's column. */
export function lookOf(code: number): CategoryLook {
  return CATEGORY_LOOKS[SPAN_CATEGORIES[code]]
}
