import { SegmentedRows } from './columns/segmentedRows.ts'

/** In columns of row or span numbers: none. */
export const NONE = 0xffff_ffff

/** A file's spans as read: `lane` is a track, times are ns from the file's origin, names are numbers of the session's texts. */
export const newSpanRows = () => new SegmentedRows({
  lane: 'u32', name: 'u32', startNs: 'f64', durationNs: 'f64',
  template: 'u32', digitsAt: 'u32', category: 'u8', kind: 'u8', form: 'u8',
})

/** Beginnings and ends whose other half is found at the file's end. `group` says what can match: a thread, or an id's key. */
export const newMarkRows = () => new SegmentedRows({
  group: 'u32', thread: 'u32', name: 'u32', timeNs: 'f64',
  /** The span that a beginning opened; {@link NONE} for an end. */
  span: 'u32',
  /** An end's args. */
  template: 'u32', digitsAt: 'u32', offset: 'f64',
})

/** What a flow event is. The order is the code in columns. */
export const FLOW_ROLES = ['start', 'step', 'end at the span around it', 'end at the next span'] as const

export const newFlowRows = () => new SegmentedRows({
  /** Number of (kind of flow, id). */
  group: 'u32', thread: 'u32', timeNs: 'f64',
  /** Code into {@link FLOW_ROLES}. */
  role: 'u8',
  /** The span that has the flow in it (bind_id); {@link NONE} for events of their own. */
  span: 'u32', offset: 'f64',
})

export const newCounterRows = () => new SegmentedRows({
  /** Number of (pid, name, id). */
  counter: 'u32', timeNs: 'f64', template: 'u32', digitsAt: 'u32', offset: 'f64',
})

/** Events about names (phase M), to be read once the args' digits are there. */
export const newNameRows = () => new SegmentedRows({ name: 'u32', pid: 'u32', tid: 'u32', template: 'u32', digitsAt: 'u32' })

export type MarkRows = ReturnType<typeof newMarkRows>
export type FlowRows = ReturnType<typeof newFlowRows>
export type CounterRows = ReturnType<typeof newCounterRows>
