import { parseRunConfig, type RunConfig, type RunConfigInput } from '../../../kernels/config/runConfig.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'

type Facts = Omit<PublishedAnswer, 'difference' | 'role' | 'note'> & Partial<Pick<PublishedAnswer, 'role' | 'note'>>

/** A published figure beside ours; a prediction without a note where nothing else is said. */
export const answer = ({ role = 'prediction', note = '', ...facts }: Facts): PublishedAnswer =>
  ({ ...facts, role, note, difference: facts.ours - facts.published })

/** The config of a published experiment; what is not said is our default. */
export const experiment = (fields: RunConfigInput): RunConfig => parseRunConfig(fields, 'the config of a published experiment')
