import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { EXAMPLE_FOLDER, exampleRing } from './exampleRing.ts'

test('the example that ships is what the generator makes (else: node main/comm/testing/exampleRing.ts)', () => {
  const shipped = readdirSync(EXAMPLE_FOLDER).sort().map((name) => ({ name, text: gunzipSync(readFileSync(join(EXAMPLE_FOLDER, name))).toString() }))
  expect(shipped).toEqual(exampleRing().files.map(({ name, text }) => ({ name: `${name}.gz`, text })))
})
