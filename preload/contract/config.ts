import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Problem } from '../../kernels/config/problem.ts'

export type { RunConfig, RunConfigInput } from '../../kernels/config/runConfig.ts'
export type { Problem } from '../../kernels/config/problem.ts'

/** How one field of a RunConfig is shown and edited. */
export interface ConfigField {
  /** Key in the RunConfig; `model.gflops` and the like for nested ones. */
  readonly path: string
  readonly label: string
  readonly group: 'Problem' | 'Parallelism' | 'Kernel' | 'Link' | 'Measurement'
  /** `list`: numbers with commas between. */
  readonly kind: 'text' | 'integer' | 'number' | 'boolean' | 'choice' | 'list' | 'json'
  /** For `choice`. */
  readonly choices?: readonly { readonly value: string; readonly label: string }[]
  /** The choices of another field with which this one has an effect; it is shown with these alone. */
  readonly onlyWith?: { readonly path: string; readonly values: readonly string[] }
  readonly min?: number
  readonly max?: number
  readonly unit?: string
  /** True where an empty input means null. */
  readonly nullable?: boolean
  /** One sentence: what it does. */
  readonly help: string
}

/** A config file that the app lists. */
export interface ConfigEntry {
  /** Stable across restarts: `fixture:name` or `user:name`. */
  readonly id: string
  readonly source: 'fixture' | 'user'
  /** The heading that it is listed under. */
  readonly group: string
  readonly fileName: string
  /** The parsed file, defaults filled in; null when it is refused. */
  readonly config: RunConfig | null
  readonly problems: readonly Problem[]
}
