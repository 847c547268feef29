import type { CommKind } from './comm.ts'

/** In order; the first that matches decides. Spellings of NCCL and RCCL kernels, torch's annotations and args, XLA, Ascend. */
const KINDS: readonly (readonly [RegExp, CommKind])[] = [
  [/all_?-?to_?-?all|alltoall/i, 'all-to-all'],
  [/all_?-?reduce|cross_device_reduce|custom_?ar\b|(?:one|two)_?shot/i, 'all-reduce'],
  [/all_?-?gather/i, 'all-gather'],
  [/reduce_?-?scatter/i, 'reduce-scatter'],
  [/broadcast/i, 'broadcast'],
  [/send_?recv|collective-?_?permute|\bcoalesced\b|(?:^|[^a-z])(?:send|recv|receive|isend|irecv)(?:[^a-z]|$)/i, 'send-recv'],
  [/(?:^|[^a-z])reduce(?:[^a-z]|$)|[a-z]Kernel_Reduce/i, 'reduce'],
]

/** What a kernel's name, an annotation or a `Collective name` says; `other` where it says nothing known. */
export const commKind = (text: string): CommKind => KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? 'other'

/**
 * What a kernel does, from its own name and from what its launch was annotated as. NCCL runs all-to-alls, gathers and
 * scatters as SendRecv kernels too, so there the annotation knows better; any other kernel's name is sure.
 */
export function kernelKind(name: string, annotated: string | null): CommKind {
  const own = commKind(name)
  if (annotated === null || own !== 'send-recv' && own !== 'other') return own
  const stated = commKind(annotated)
  return stated === 'other' ? own : stated
}

const DTYPE_BYTES: Readonly<Record<string, number>> = {
  bool: 1, byte: 1, char: 1, short: 2, int: 4, long: 8, half: 2, float: 4, double: 8, bfloat16: 2,
  complexhalf: 4, complexfloat: 8, complexdouble: 16, float16: 2, float32: 4, float64: 8, int8: 1, uint8: 1, int32: 4, int64: 8,
  float8_e4m3fn: 1, float8_e5m2: 1, float8_e4m3fnuz: 1, float8_e5m2fnuz: 1, float8_e8m0fnu: 1,
}

/**
 * Bytes of one element of a dtype as c10 names them ("BFloat16", "Float8_e4m3fn"), or C++ ("c10::Half", "long int");
 * null for an unknown one.
 */
export const dtypeBytes = (dtype: string): number | null =>
  DTYPE_BYTES[dtype.toLowerCase().replace(/^c10::/, '').replace(/^(?:un)?signed /, '').replace(/ int$/, '')] ?? null

/** The other end that an annotation such as "nccl:send 0->1" or "nccl:recv 1<-0" names; null where it names none. */
export function namedPeer(annotation: string): { readonly source: number | null; readonly destination: number | null } | null {
  const [, arrow, peer] = /\b(?:send|recv)\w* \d+ ?(->|<-) ?(\d+)/i.exec(annotation) ?? []
  if (arrow === undefined) return null
  return arrow === '->' ? { source: null, destination: Number(peer) } : { source: Number(peer), destination: null }
}
