import type { HomeTensors, RankArena } from '../backends/arena.ts'
import type { GradientSlot } from '../backends/backend.ts'
import { kvHeadsOf } from '../backends/segments.ts'

/** Adds `from` to `into`, element by element, in float32. */
export function addInto(into: Float32Array, from: Float32Array): void {
  if (into.length !== from.length) throw new RangeError(`${from.length} floats cannot be added to ${into.length}`)
  for (let at = 0; at < into.length; at++) into[at] += from[at]
}

export function addGradient(into: GradientSlot, from: GradientSlot): void {
  addInto(into.dk, from.dk)
  addInto(into.dv, from.dv)
}

/**
 * Sums what the members of a Ulysses group contributed to dK and dV of the heads that they share, into the home tensors:
 * dk, dv [batch, kvHeads, rows, headDim] from parts [batch, 1, rows, headDim].
 */
export function sumSharedGradients({ spec, home }: Pick<RankArena, 'spec' | 'home'>): void {
  const { shape: { batch }, degree, modelKvHeads } = spec
  home.dk.fill(0)
  home.dv.fill(0)
  home.parts.forEach((part, member) => {
    const { first: head } = kvHeadsOf(member, degree, modelKvHeads)
    addHead(home, part, head, modelKvHeads, batch)
  })
}

function addHead(home: Pick<HomeTensors, 'dk' | 'dv'>, part: GradientSlot, head: number, heads: number, batch: number): void {
  for (const tensor of ['dk', 'dv'] as const) {
    const floats = part[tensor].length / batch
    for (let item = 0; item < batch; item++) {
      const at = (item * heads + head) * floats
      addInto(home[tensor].subarray(at, at + floats), part[tensor].subarray(item * floats, (item + 1) * floats))
    }
  }
}
