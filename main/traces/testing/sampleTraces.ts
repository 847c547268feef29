import { fileURLToPath } from 'node:url'

/** Real traces that are not part of the repository: where `RINGSCOPE_SAMPLE_TRACES` says, else beside the checkout. May be absent. */
export const SAMPLE_TRACES = process.env.RINGSCOPE_SAMPLE_TRACES ?? fileURLToPath(new URL('../../../../shared/traces', import.meta.url))
