import { it } from 'vitest'
import { probeWebgpu } from './probe.ts'

const adapter = await probeWebgpu()

/** Whether the tests of the kernels can run; a software adapter will do. */
export const hasAdapter = adapter.available

/** Where there is no adapter, leaves a skipped test that says why. */
export function sayWhySkipped(): void {
  if (!adapter.available) it('the WGSL kernels', (context) => { context.skip(adapter.reason) })
}
