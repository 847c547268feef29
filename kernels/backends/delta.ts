import type { QuerySide } from './backend.ts'

/**
 * delta = rowsum(dO o O) of a side, on the host (reference section 2.2); 0 for rows without keys, whatever their dO holds.
 * For backends whose arrays are on a device: of the two, dO is read for the upload anyway.
 */
export function writeDelta({ dOut, out, lse, delta }: Pick<QuerySide, 'dOut' | 'out' | 'lse' | 'delta'>): void {
  const headDim = out.length / lse.length
  for (let row = 0; row < lse.length; row++) {
    let sum = 0
    if (lse[row] !== -Infinity) for (let at = row * headDim; at < (row + 1) * headDim; at++) sum += dOut[at] * out[at]
    delta[row] = sum
  }
}
