import type { CacheSizes } from './sweep.ts'

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
  readonly backends: readonly DoctorCheck[]
  readonly devices: readonly DoctorCheck[]
  readonly transports: readonly DoctorCheck[]
  readonly hosts: readonly DoctorCheck[]
}
