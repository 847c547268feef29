const FIRST_CAPACITY = 256

const isBefore = (time: number, event: number, otherTime: number, otherEvent: number): boolean =>
  time < otherTime || (time === otherTime && event < otherEvent)

/** Events that came in the order in which they go, in a circle of typed arrays. */
class Run {
  #times = new Float64Array(FIRST_CAPACITY)
  #events = new Int32Array(FIRST_CAPACITY)
  #first = 0
  size = 0
  #lastTime = 0
  #lastEvent = 0

  /** Of the first event, where there is one. */
  get time(): number {
    return this.#times[this.#first]
  }

  get event(): number {
    return this.#events[this.#first]
  }

  /** @returns whether the event goes after those of the run, and is in it now. */
  takes(time: number, event: number): boolean {
    if (this.size > 0 && isBefore(time, event, this.#lastTime, this.#lastEvent)) return false
    if (this.size === this.#times.length) this.#grow()
    const at = (this.#first + this.size++) & (this.#times.length - 1)
    this.#times[at] = this.#lastTime = time
    this.#events[at] = this.#lastEvent = event
    return true
  }

  pop(): number {
    const { event } = this
    this.#first = (this.#first + 1) & (this.#times.length - 1)
    this.size--
    return event
  }

  #grow(): void {
    const [times, events] = [new Float64Array(2 * this.#times.length), new Int32Array(2 * this.#events.length)]
    for (let index = 0; index < this.size; index++) {
      const at = (this.#first + index) & (this.#times.length - 1)
      times[index] = this.#times[at]
      events[index] = this.#events[at]
    }
    this.#times = times
    this.#events = events
    this.#first = 0
  }
}

/** A binary heap over typed arrays. */
class Heap {
  #times = new Float64Array(FIRST_CAPACITY)
  #events = new Int32Array(FIRST_CAPACITY)
  size = 0

  get time(): number {
    return this.#times[0]
  }

  get event(): number {
    return this.#events[0]
  }

  push(time: number, event: number): void {
    if (this.size === this.#times.length) this.#grow()
    const times = this.#times
    const events = this.#events
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(time, event, times[parent], events[parent])) break
      times[at] = times[parent]
      events[at] = events[parent]
      at = parent
    }
    times[at] = time
    events[at] = event
  }

  pop(): number {
    const times = this.#times
    const events = this.#events
    const first = events[0]
    const size = --this.size
    const time = times[size]
    const event = events[size]
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      const other = child + 1
      if (other < size && isBefore(times[other], events[other], times[child], events[child])) child = other
      if (isBefore(time, event, times[child], events[child])) break
      times[at] = times[child]
      events[at] = events[child]
      at = child
    }
    times[at] = time
    events[at] = event
    return first
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#times.length)
    const events = new Int32Array(2 * this.#events.length)
    times.set(this.#times)
    events.set(this.#events)
    this.#times = times
    this.#events = events
  }
}

/**
 * Numbered events by time, of equal times the lower number first. Ranks in lockstep make events nearly in the order in which
 * they go: those wait in a run, to whose end they are added, and only what comes out of turn goes through a heap.
 */
export class EventQueue {
  readonly #run = new Run()
  readonly #heap = new Heap()

  push(time: number, event: number): void {
    if (!this.#run.takes(time, event)) this.#heap.push(time, event)
  }

  /** Removes the earliest event. @returns its number; -1 of an empty queue. */
  pop(): number {
    const run = this.#run
    const heap = this.#heap
    if (heap.size === 0) return run.size === 0 ? -1 : run.pop()
    return run.size > 0 && isBefore(run.time, run.event, heap.time, heap.event) ? run.pop() : heap.pop()
  }
}
