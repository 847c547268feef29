import { VERIFY_TOLERANCE } from '../attention/verify.ts'
import type { ConcreteBackendId } from './backend.ts'

/** float32 products on a GPU may be rounded to 10 bits of mantissa (TF32). */
const TENSORFLOW_TOLERANCE = 5e-3

/** Largest error against float64 with which a backend's output counts as right. */
export const toleranceOf = (backend: ConcreteBackendId): number =>
  (backend === 'tensorflow' ? TENSORFLOW_TOLERANCE : VERIFY_TOLERANCE)
