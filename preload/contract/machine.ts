import type { CacheSizes } from './sweep.ts'

/** What is known of the caches of a GPU. */
export interface GpuCache {
  /** Of the GPU, as its driver counts. */
  readonly index: number
  readonly name: string
  /** Bytes; null for a GPU that neither its driver nor the table of names knows. */
  readonly l2Bytes: number | null
  /** The last level before memory where that is another one (Infinity Cache); null where there is none or it is unknown. */
  readonly l3Bytes: number | null
  readonly from: 'override' | 'driver' | 'table' | 'unknown'
}

export interface DoctorCheck {
  readonly id: string
  readonly label: string
  readonly status: 'works' | 'absent' | 'broken'
  /** What was found, or why not. */
  readonly detail: string
  /** What to do about it, where something can be done. */
  readonly remedy: string | null
}

/** `ringscope doctor --json`. */
export interface DoctorReport {
  readonly version: string
  readonly node: string
  readonly platform: string
  readonly cpu: { readonly model: string; readonly cores: number }
  readonly memoryBytes: number
  readonly caches: CacheSizes
  readonly gpus: readonly GpuCache[]
  readonly backends: readonly DoctorCheck[]
  readonly devices: readonly DoctorCheck[]
  readonly transports: readonly DoctorCheck[]
  readonly hosts: readonly DoctorCheck[]
}
