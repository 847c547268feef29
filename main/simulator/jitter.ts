/** What a draw is for: blocks and what a runtime does before them by rank and step, moves by their hop. */
export type DrawKind = 'compute' | 'link' | 'step' | 'start' | 'rendezvous'

const KIND_SALT: Readonly<Record<DrawKind, number>> = {
  compute: 0x9e37_79b9, link: 0x85eb_ca6b, step: 0xc2b2_ae35, start: 0x27d4_eb2f, rendezvous: 0x1656_67b1,
}
const TWO_32 = 2 ** 32

/** Mixes 32 bits well (the finalizer of MurmurHash3). */
function mixed(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return hash ^ (hash >>> 16)
}

/** Uniform in (0, 1]. */
const uniform = (hash: number): number => ((hash >>> 0) + 1) / TWO_32

/**
 * Factors on durations: log-normal with mean 1 and a relative standard deviation. A factor is a function of the seed and of
 * what it is for, not of how many were drawn before, so results do not depend on the order of events, and a change
 * elsewhere in the plan leaves it as it was.
 */
export class Jitter {
  readonly #salt: number
  /** Standard deviation and mean of the logarithm: σ² = ln(1 + sd²), µ = -σ²/2. */
  readonly #sigma: number
  readonly #mu: number

  /** @param deviation relative standard deviation; 0: every factor is 1. */
  constructor(kind: DrawKind, deviation: number, seed: number) {
    this.#salt = mixed(seed ^ KIND_SALT[kind])
    this.#mu = -Math.log1p(deviation * deviation) / 2
    this.#sigma = Math.sqrt(-2 * this.#mu)
  }

  /** @param major @param minor what the factor is for; integers. */
  factor(major: number, minor: number): number {
    if (this.#sigma === 0) return 1
    const first = mixed(mixed(this.#salt ^ major) + minor)
    const second = mixed(first + 0x6d2b_79f5)
    // Box and Muller's transform of two uniform numbers into a normal one.
    const normal = Math.sqrt(-2 * Math.log(uniform(first))) * Math.cos(2 * Math.PI * uniform(second))
    return Math.exp(this.#mu + this.#sigma * normal)
  }
}
