import { beforeAll, describe, expect, it } from 'vitest'
import { buildKernels } from '../../../scripts/build-kernels.mjs'
import type { ConcreteBackendId } from '../../backends/backend.ts'
import { LAYOUTS } from '../../config/runConfig.ts'
import { casesOf, nameOfVariant, runCase, type TableCase, type Variant, WORLDS } from './table.ts'

/** Cases that one test may fail with before it says no more. */
const MOST_FAILURES = 5

async function failuresOf(cases: readonly TableCase[], backend: ConcreteBackendId, kernelsDir: string): Promise<string[]> {
  const failures: string[] = []
  for (const each of cases) {
    const { wrong } = await runCase(each, backend, kernelsDir)
    if (wrong.length > 0) failures.push(`${each.name}: ${wrong.join('; ')}`)
    if (failures.length === MOST_FAILURES) break
  }
  return failures
}

/** Tests each of the cases on a backend, those of a world, algorithm and layout together. */
export function describeTable(name: string, backend: ConcreteBackendId, variantsOf: (world: number) => readonly Variant[]): void {
  const groups = WORLDS.flatMap((world) => variantsOf(world).flatMap((variant) => LAYOUTS.map((layout) =>
    ({ world, variant: nameOfVariant(variant), layout, cases: casesOf(world, variant, layout) })))).filter(({ cases }) => cases.length > 0)
  const total = groups.reduce((sum, { cases }) => sum + cases.length, 0)
  describe(`${name} on ${backend}: ${total} cases`, () => {
    let kernelsDir: string
    beforeAll(async () => { kernelsDir = await buildKernels() })

    it.each(groups)('$world ranks, $variant, $layout, every mask and number of heads ($cases.length cases)', async ({ cases }) => {
      expect(await failuresOf(cases, backend, kernelsDir)).toEqual([])
    })
  })
}

/** Tests a sample of the table on a backend, the cases of a world together. */
export function describeSample(name: string, backend: ConcreteBackendId, cases: readonly TableCase[]): void {
  describe(`${name} on ${backend}: ${cases.length} cases`, () => {
    let kernelsDir: string
    beforeAll(async () => { kernelsDir = await buildKernels() })

    it.each(WORLDS)('%i ranks', async (world) => {
      const ofWorld = cases.filter(({ config }) => config.world === world)
      expect(ofWorld.length).toBeGreaterThan(0)
      expect(await failuresOf(ofWorld, backend, kernelsDir)).toEqual([])
    })
  })
}
