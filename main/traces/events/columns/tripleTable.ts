const FIRST_SLOTS = 64
/** A power of two. */
const RECENT = 256

/**
 * Numbers triples of u32 in order of appearance, without an object or a text per look-up: an open-addressing hash table in
 * typed arrays.
 */
export class TripleTable {
  #slots = new Int32Array(FIRST_SLOTS).fill(-1)
  /** Three numbers a triple. */
  #keys = new Uint32Array(3 * FIRST_SLOTS / 2)
  #count = 0
  /** Triples that were asked for lately, each at one place: most events have much in common with others nearby. */
  readonly #recent = new Int32Array(RECENT)

  get count(): number {
    return this.#count
  }

  first(index: number): number {
    return this.#keys[3 * index]
  }

  second(index: number): number {
    return this.#keys[3 * index + 1]
  }

  third(index: number): number {
    return this.#keys[3 * index + 2]
  }

  /** The triple's number; a new one where it is seen for the first time. */
  indexOf(first: number, second: number, third: number): number {
    const place = (first + 3 * second + 5 * third) & (RECENT - 1)
    const known = this.#recent[place]
    const keys = this.#keys
    if (keys[3 * known] === first && keys[3 * known + 1] === second && keys[3 * known + 2] === third && known < this.#count) return known
    const index = this.#find(first, second, third)
    this.#recent[place] = index
    return index
  }

  #find(first: number, second: number, third: number): number {
    const keys = this.#keys
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = hash(first, second, third) & mask
    for (let index = slots[slot]; index >= 0; index = slots[slot]) {
      const at = 3 * index
      if (keys[at] === first && keys[at + 1] === second && keys[at + 2] === third) return index
      slot = (slot + 1) & mask
    }
    return this.#add(first, second, third, slot)
  }

  #add(first: number, second: number, third: number, slot: number): number {
    const index = this.#count++
    if (3 * index === this.#keys.length) {
      const larger = new Uint32Array(2 * this.#keys.length)
      larger.set(this.#keys)
      this.#keys = larger
    }
    this.#keys[3 * index] = first
    this.#keys[3 * index + 1] = second
    this.#keys[3 * index + 2] = third
    this.#slots[slot] = index
    if (2 * this.#count > this.#slots.length) this.#rehash()
    return index
  }

  #rehash(): void {
    const slots = new Int32Array(2 * this.#slots.length).fill(-1)
    const mask = slots.length - 1
    for (let index = 0; index < this.#count; index++) {
      let slot = hash(this.first(index), this.second(index), this.third(index)) & mask
      while (slots[slot] >= 0) slot = (slot + 1) & mask
      slots[slot] = index
    }
    this.#slots = slots
  }
}

/** Mixes all bits down to the low ones, which choose the slot (after MurmurHash3's finaliser). */
function hash(first: number, second: number, third: number): number {
  let mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b) ^ Math.imul(third, 0xc2b2ae35)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}
