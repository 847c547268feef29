/** One round of a ring over its ranks, as it was recognised in an imported trace. */
export interface RingPass {
  /** Those whose trace is there, in ring order: each sends to the next. */
  readonly ranks: readonly number[]
  /** The ring's ranks in that order as far as they are known, those without a trace too. */
  readonly cycle: readonly number[]
  /** How many ranks the ring has. */
  readonly size: number
  /** What the order was taken from. */
  readonly orderFrom: RingOrderSource
  readonly pass: 'forward' | 'backward'
  /** What tells forward from backward. */
  readonly passFrom: 'kernel names' | 'number of hops'
  /** Process group, or the stream where the trace names none. */
  readonly group: string
  readonly steps: readonly RingStep[]
}

export type RingOrderSource = 'source and destination' | 'process group' | 'rank numbers'

/** By position in {@link RingPass.ranks}. */
export interface RingStep {
  /** The step's communication kernel (a position in Communication.kernels); null in the last step, where nothing is sent. */
  readonly kernels: readonly (number | null)[]
  /** Further ones of the step: gradients that travel beside K/V, sends that are not one kernel with their receives. */
  readonly further: readonly (readonly number[])[]
  /** When the rank was in this step: from the start of its compute or kernel, whichever is first, to the next step's. */
  readonly startNs: readonly number[]
  readonly endNs: readonly number[]
  /** Attention compute of the step: length of the union, and its end (the step's start where there is none). */
  readonly computeNs: readonly number[]
  readonly computeEndNs: readonly number[]
  /** The attention spans of the step. */
  readonly spans: readonly (readonly number[])[]
}
