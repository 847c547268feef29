import { sortByKey } from '../../timeline/sortByKey.ts'
import type { FlowColumns } from '../../timeline/traceContent.ts'
import { ASYNC_BAND } from './classTable.ts'
import { SegmentedRows, sharedArray } from './columns/segmentedRows.ts'
import type { FileImport } from './fileImport.ts'
import { bindFlows, chainFlows, takeFlows } from './flows.ts'
import type { FilePart, GroupColumns } from './groupColumns.ts'

const newArrowRows = () => new SegmentedRows({ from: 'u32', to: 'u32', name: 'u32' })

/** A flow's category and name as one text: "ac2g", or "comm: send" where they differ. */
function kindText({ flowKinds }: FileImport, kind: number, text: (id: number) => string): string {
  const cat = text(flowKinds.first(kind))
  const name = text(flowKinds.second(kind))
  if (flowKinds.third(kind) === 1) return 'bind_id'
  return cat === '' || name === '' || cat === name ? cat || name : `${cat}: ${name}`
}

/** For each thread of a file the spans of its tracks, by start. */
function tracksByThread({ file, trackBase }: FilePart, orders: readonly Uint32Array[]): Map<number, Uint32Array[]> {
  const byThread = new Map<number, Uint32Array[]>()
  for (let track = 0; track < file.tracks.count; track++) {
    if (file.tracks.third(track) === ASYNC_BAND) continue
    const thread = file.threads.indexOf(file.tracks.first(track), file.tracks.second(track), 0)
    const list = byThread.get(thread)
    if (list === undefined) byThread.set(thread, [orders[trackBase + track]])
    else list.push(orders[trackBase + track])
  }
  return byThread
}

/** Collects the arrows of several files. */
export class GroupFlows {
  readonly #rows = newArrowRows()
  readonly #columns: GroupColumns
  readonly #strings: string[]
  readonly #text: (id: number) => string
  readonly #nameIndex = new Map<string, number>()

  /** @param strings of the timeline; names of flows are added */
  constructor(columns: GroupColumns, strings: string[], text: (id: number) => string) {
    this.#columns = columns
    this.#strings = strings
    this.#text = text
  }

  /**
   * Takes a file's flow events while its spans are still on the file's clock.
   * @param orders spans of each track of the group, by start
   */
  add(part: FilePart, orders: readonly Uint32Array[]): void {
    const { file } = part
    const { dropped } = file
    const flows = takeFlows(file.flows, part.from)
    if (flows.count === 0) return
    const threads = file.threads.count
    const byThread = tracksByThread(part, orders)
    bindFlows(flows, threads, this.#columns, (thread) => byThread.get(thread) ?? [])
    const names = Array.from({ length: file.flowKinds.count }, (_, kind) => this.#intern(kindText(file, kind, this.#text)))
    const rows = this.#rows
    chainFlows(flows, file.flowKeys.count, {
      onArrow(fromSpan, toSpan, group) {
        const row = rows.next()
        const { current } = rows
        current.from[row] = fromSpan
        current.to[row] = toSpan
        current.name[row] = names[file.flowKeys.first(group)]
      },
      onUnbound(event) { dropped.add('flow outside of any span', flows.offset[event]) },
      onStartWithoutEnd(event) { dropped.add('flow start without an end', flows.offset[event]) },
      onEndWithoutStart(event) { dropped.add('flow end without a start', flows.offset[event]) },
    })
  }

  /** All arrows, sorted by where they begin: call it once the spans are on one clock. */
  take(): FlowColumns {
    const columns = { from: this.#rows.take('from'), to: this.#rows.take('to'), name: this.#rows.take('name') }
    return sortFlows(columns, this.#columns.startNs)
  }

  #intern(name: string): number {
    let index = this.#nameIndex.get(name)
    if (index === undefined) {
      index = this.#strings.push(name) - 1
      this.#nameIndex.set(name, index)
    }
    return index
  }
}

/** The same arrows sorted by the start of the span they begin at, on shared memory. */
export function sortFlows({ from, to, name }: FlowColumns, startNs: Float64Array): FlowColumns {
  const keys = new Float64Array(from.length)
  const order = new Uint32Array(from.length)
  for (let arrow = 0; arrow < from.length; arrow++) {
    keys[arrow] = startNs[from[arrow]]
    order[arrow] = arrow
  }
  sortByKey(keys, order)
  const reorder = (column: Uint32Array): Uint32Array => {
    const sorted = sharedArray('u32', column.length)
    for (let at = 0; at < order.length; at++) sorted[at] = column[order[at]]
    return sorted
  }
  return { from: reorder(from), to: reorder(to), name: reorder(name) }
}
