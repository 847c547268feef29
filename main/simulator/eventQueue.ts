const FIRST_CAPACITY = 256

/** Numbered events by time, of equal times the lower number first: a binary heap over typed arrays. */
export class EventQueue {
  #times = new Float64Array(FIRST_CAPACITY)
  #events = new Int32Array(FIRST_CAPACITY)
  #size = 0

  get size(): number {
    return this.#size
  }

  push(time: number, event: number): void {
    if (this.#size === this.#times.length) this.#grow()
    const times = this.#times
    const events = this.#events
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (times[parent] < time || (times[parent] === time && events[parent] < event)) break
      times[at] = times[parent]
      events[at] = events[parent]
      at = parent
    }
    times[at] = time
    events[at] = event
  }

  /** Removes the earliest event. @returns its number; -1 of an empty queue. */
  pop(): number {
    if (this.#size === 0) return -1
    const times = this.#times
    const events = this.#events
    const first = events[0]
    const size = --this.#size
    const time = times[size]
    const event = events[size]
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      const other = child + 1
      if (other < size && (times[other] < times[child] || (times[other] === times[child] && events[other] < events[child]))) child = other
      if (time < times[child] || (time === times[child] && event < events[child])) break
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
