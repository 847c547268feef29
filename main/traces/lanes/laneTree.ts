/** The end of a lane with nothing open: anything fits. */
const FREE = Number.POSITIVE_INFINITY

/**
 * Lanes of one track where they are many: finds the first in which a span fits in O(log n). The leaves of a tree hold each
 * lane's innermost end, inner nodes the largest below; a heap says which open spans are over. Starts must ascend.
 */
export class LaneTree {
  readonly #lanes: number[][]
  /** Node 1 is the root, node n has the children 2n and 2n + 1, leaves begin at `#width`. */
  #nodes: Float64Array
  #width = 16
  /** Ends of open spans, a binary heap with the least first, and the lanes that they are on. */
  readonly #heapEnds: number[] = []
  readonly #heapLanes: number[] = []

  /** @param lanes ends of the open spans of each lane, innermost last */
  constructor(lanes: readonly (readonly number[])[]) {
    this.#lanes = lanes.map((open) => [...open])
    while (this.#width < lanes.length) this.#width *= 2
    this.#nodes = new Float64Array(2 * this.#width).fill(Number.NEGATIVE_INFINITY)
    this.#lanes.forEach((open, lane) => {
      this.#set(lane, open.at(-1) ?? FREE)
      for (const end of open) this.#pushHeap(end, lane)
    })
  }

  /** The first lane in which a span nests or stands alone; the number of lanes where there is none. */
  laneFor(startNs: number, endNs: number): number {
    while (this.#heapEnds.length > 0 && this.#heapEnds[0] <= startNs) this.#close(this.#popHeap(), startNs)
    if (this.#nodes[1] < endNs) return this.#lanes.length
    let node = 1
    while (node < this.#width) node = this.#nodes[2 * node] >= endNs ? 2 * node : 2 * node + 1
    return node - this.#width
  }

  /** Puts a span on a lane, or on a new one. */
  put(lane: number, endNs: number): void {
    if (lane === this.#lanes.length) {
      this.#lanes.push([])
      if (lane === this.#width) this.#widen()
    }
    this.#lanes[lane].push(endNs)
    this.#set(lane, endNs)
    this.#pushHeap(endNs, lane)
  }

  #close(lane: number, startNs: number): void {
    const open = this.#lanes[lane]
    while (open.length > 0 && open[open.length - 1] <= startNs) open.pop()
    this.#set(lane, open.at(-1) ?? FREE)
  }

  #set(lane: number, end: number): void {
    let node = this.#width + lane
    this.#nodes[node] = end
    for (node >>= 1; node > 0; node >>= 1) this.#nodes[node] = Math.max(this.#nodes[2 * node], this.#nodes[2 * node + 1])
  }

  #widen(): void {
    const leaves = this.#nodes.slice(this.#width)
    this.#width *= 2
    this.#nodes = new Float64Array(2 * this.#width).fill(Number.NEGATIVE_INFINITY)
    this.#nodes.set(leaves, this.#width)
    for (let node = this.#width - 1; node > 0; node--) this.#nodes[node] = Math.max(this.#nodes[2 * node], this.#nodes[2 * node + 1])
  }

  #pushHeap(end: number, lane: number): void {
    const ends = this.#heapEnds
    const lanes = this.#heapLanes
    let at = ends.length
    ends.push(end)
    lanes.push(lane)
    for (let parent = (at - 1) >> 1; at > 0 && ends[parent] > end; at = parent, parent = (at - 1) >> 1) {
      ends[at] = ends[parent]
      lanes[at] = lanes[parent]
    }
    ends[at] = end
    lanes[at] = lane
  }

  /** @returns the lane of the span that ends first, which is taken out. */
  #popHeap(): number {
    const ends = this.#heapEnds
    const lanes = this.#heapLanes
    const [first] = lanes
    const end = ends.pop() ?? 0
    const lane = lanes.pop() ?? 0
    const size = ends.length
    if (size === 0) return first
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && ends[child + 1] < ends[child]) child++
      if (ends[child] >= end) break
      ends[at] = ends[child]
      lanes[at] = lanes[child]
      at = child
    }
    ends[at] = end
    lanes[at] = lane
    return first
  }
}
