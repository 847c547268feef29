import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { ringTrace } from './ringTrace.ts'

/** Where the example that ships with Ringscope lies. */
export const EXAMPLE_FOLDER = fileURLToPath(new URL('../../../fixtures/kineto-ring', import.meta.url))

/**
 * The example: four ranks of a contiguous causal ring, forward and backward, their clocks milliseconds apart. Generated, not
 * recorded: there is no public trace of several ranks of a ring.
 */
export const exampleRing = (): ReturnType<typeof ringTrace> =>
  ringTrace({ world: 4, layout: 'contiguous', skewNs: [0, 3_000_000, -2_000_000, 5_000_000] })

/** `node main/comm/testing/exampleRing.ts` writes it anew. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(EXAMPLE_FOLDER, { recursive: true })
  for (const { name, text } of exampleRing().files) writeFileSync(join(EXAMPLE_FOLDER, `${name}.gz`), gzipSync(text, { level: 9 }))
}
