import { LAYOUTS, type RunConfig } from '../../../kernels/config/runConfig.ts'
import { planRun } from '../../../kernels/plan/planRun.ts'
import { tileQuantised } from '../../../kernels/plan/tileQuantised.ts'
import type { LayoutAnswer } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { contiguousRing } from '../contiguous.ts'

/** Idle time of a plain ring by layout, communication free, pair-exact and in the cluster's whole tiles (else the config's). */
export function layoutAnswers(config: RunConfig, { device: { tile } }: Pick<ClusterModel, 'device'>): LayoutAnswer[] {
  const ring: RunConfig = { ...contiguousRing(config), ringSets: config.ringSets, ...tile }
  const contiguous = { exact: planRun(ring), tiled: tileQuantised(ring) }
  return LAYOUTS.map((layout) => {
    const exact = layout === 'contiguous' ? contiguous.exact : planRun({ ...ring, layout })
    const tiled = layout === 'contiguous' ? contiguous.tiled : tileQuantised({ ...ring, layout })
    // A mask that leaves nothing to compute leaves nothing to gain.
    const gain = (base: { readonly makespanPairs: number }, made: { readonly makespanPairs: number }): number =>
      made.makespanPairs === 0 ? 1 : base.makespanPairs / made.makespanPairs
    return {
      layout,
      idleFraction: exact.idleFraction,
      tileIdleFraction: tiled?.idleFraction ?? null,
      speedupOverContiguous: gain(contiguous.exact, exact),
      tileSpeedupOverContiguous: tiled === null || contiguous.tiled === null ? null : gain(contiguous.tiled, tiled),
    }
  })
}
