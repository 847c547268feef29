import type { WireDtype } from '../config/runConfig.ts'
import type { ConcreteBackendId } from './backend.ts'

/** Largest errors against float64 with which a run counts as right. */
export interface Tolerance {
  readonly output: number
  readonly gradient: number
}

/** float32 arithmetic on a CPU. */
const CPU: Tolerance = { output: 1e-5, gradient: 1e-4 }
/** float32 as on a CPU; exponentials and divisions may have a bit or two more of error. */
const WEBGPU: Tolerance = { output: 2e-5, gradient: 1e-4 }
/** float32 products on a GPU may be rounded to 10 bits of mantissa (TF32). */
const TENSORFLOW: Tolerance = { output: 5e-3, gradient: 5e-3 }
/** K and V travel with 8 bits of precision: each is off by up to 2^-9 of itself. */
const BFLOAT16_WIRE: Tolerance = { output: 2e-2, gradient: 2e-2 }

const ofBackend = (backend: ConcreteBackendId): Tolerance =>
  (backend === 'tensorflow' ? TENSORFLOW : backend === 'webgpu' ? WEBGPU : CPU)

/** The errors that a backend and a wire type may make; the larger of the two. */
export function toleranceOf(backend: ConcreteBackendId, wireDtype: WireDtype): Tolerance {
  const computed = ofBackend(backend)
  if (wireDtype === 'float32') return computed
  return {
    output: Math.max(computed.output, BFLOAT16_WIRE.output),
    gradient: Math.max(computed.gradient, BFLOAT16_WIRE.gradient),
  }
}
