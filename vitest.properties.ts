import fc from 'fast-check'

/**
 * Property tests draw the same cases on every run, so that a change is what makes them fail; FAST_CHECK_SEED draws
 * others. A failure prints the seed and path to put into a regression test.
 */
fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 20_231_003) })
