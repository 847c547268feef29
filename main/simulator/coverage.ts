const FIRST_CAPACITY = 32

/**
 * The lengths that a rank's figures are made of, while its intervals come in: U(compute), U(comm) and what they share (design
 * section 6). Keeps only what may still change, so that a world of a thousand ranks and a million steps fits in a cache.
 * Integer ns in, integer ns out: the same figures as those of a timeline's spans (main/analysis/ringFigures.ts).
 */
export class Coverage {
  computeNs = 0
  commNs = 0
  overlapNs = 0
  /** Compute intervals that communication may still meet, ascending and disjoint: those from `computeFrom` up to `computeTo`. */
  #computeStarts = new Float64Array(FIRST_CAPACITY)
  #computeEnds = new Float64Array(FIRST_CAPACITY)
  #computeFrom = 0
  #computeTo = 0
  /** Communication that may still meet other communication or compute, in any order. */
  #starts = new Float64Array(FIRST_CAPACITY)
  #ends = new Float64Array(FIRST_CAPACITY)
  #count = 0
  /** Up to here communication is counted. */
  #countedNs = Number.NEGATIVE_INFINITY

  /** Intervals come in the order of time and do not overlap. @param knownNs no interval of either kind that comes later begins before. */
  addCompute(startNs: number, endNs: number, knownNs: number): void {
    if (endNs <= startNs) return
    this.computeNs += endNs - startNs
    if (this.#computeTo > this.#computeFrom && this.#computeEnds[this.#computeTo - 1] === startNs) {
      this.#computeEnds[this.#computeTo - 1] = endNs
      return
    }
    if (this.#computeTo === this.#computeStarts.length) this.#makeRoomForCompute(knownNs)
    this.#computeStarts[this.#computeTo] = startNs
    this.#computeEnds[this.#computeTo++] = endNs
  }

  /** In any order. @param knownNs as above. */
  addComm(startNs: number, endNs: number, knownNs: number): void {
    if (endNs <= startNs) return
    if (this.#count === this.#starts.length) {
      this.countUntil(knownNs)
      if (2 * this.#count > this.#starts.length) {
        this.#starts = grown(this.#starts)
        this.#ends = grown(this.#ends)
      }
    }
    this.#starts[this.#count] = startNs
    this.#ends[this.#count++] = endNs
  }

  /** Counts everything before a time that no later interval begins before. Infinity when there are none. */
  countUntil(untilNs: number): void {
    const starts = this.#starts
    const ends = this.#ends
    this.#sort()
    let kept = 0
    for (let index = 0; index < this.#count; index++) {
      const startNs = Math.max(starts[index], this.#countedNs)
      const endNs = Math.min(ends[index], untilNs)
      if (endNs > startNs) {
        this.commNs += endNs - startNs
        this.overlapNs += this.#computeIn(startNs, endNs)
        this.#countedNs = endNs
      }
      if (ends[index] > untilNs) {
        starts[kept] = Math.max(starts[index], untilNs)
        ends[kept++] = ends[index]
      }
    }
    this.#count = kept
    while (this.#computeFrom < this.#computeTo && this.#computeEnds[this.#computeFrom] <= untilNs) this.#computeFrom++
  }

  /** Length of compute in an interval; intervals that are asked about ascend. */
  #computeIn(startNs: number, endNs: number): number {
    let length = 0
    while (this.#computeFrom < this.#computeTo && this.#computeEnds[this.#computeFrom] <= startNs) this.#computeFrom++
    for (let index = this.#computeFrom; index < this.#computeTo && this.#computeStarts[index] < endNs; index++) {
      length += Math.min(endNs, this.#computeEnds[index]) - Math.max(startNs, this.#computeStarts[index])
    }
    return length
  }

  /** By starts; nearly in order as they come. */
  #sort(): void {
    const starts = this.#starts
    const ends = this.#ends
    for (let index = 1; index < this.#count; index++) {
      const startNs = starts[index]
      if (starts[index - 1] <= startNs) continue
      const endNs = ends[index]
      let at = index
      for (; at > 0 && starts[at - 1] > startNs; at--) {
        starts[at] = starts[at - 1]
        ends[at] = ends[at - 1]
      }
      starts[at] = startNs
      ends[at] = endNs
    }
  }

  #makeRoomForCompute(knownNs: number): void {
    this.countUntil(knownNs)
    const from = this.#computeFrom
    if (2 * (this.#computeTo - from) > this.#computeStarts.length) {
      this.#computeStarts = grown(this.#computeStarts)
      this.#computeEnds = grown(this.#computeEnds)
    }
    this.#computeStarts.copyWithin(0, from, this.#computeTo)
    this.#computeEnds.copyWithin(0, from, this.#computeTo)
    this.#computeTo -= from
    this.#computeFrom = 0
  }
}

function grown(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * values.length)
  larger.set(values)
  return larger
}
