type Column = Float64Array | Float32Array | Uint32Array | Uint8Array

/** Puts `column[order[at]]` at each place `at` of `into`. @returns `into`. */
export function gather<T extends Column>(column: ArrayLike<number>, order: Uint32Array, into: T): T {
  for (let at = 0; at < order.length; at++) into[at] = column[order[at]]
  return into
}

/** Moves a column that is full into a longer one. @returns the longer one. */
export function longer<T extends Column>(column: T, next: T): T {
  next.set(column)
  return next
}

export const sharedUint32 = (length: number): Uint32Array<SharedArrayBuffer> => new Uint32Array(new SharedArrayBuffer(length * 4))
export const sharedFloat64 = (length: number): Float64Array<SharedArrayBuffer> => new Float64Array(new SharedArrayBuffer(length * 8))
