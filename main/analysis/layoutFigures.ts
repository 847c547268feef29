import { checkRunConfig, LAYOUTS, type RunConfig } from '../../kernels/config/runConfig.ts'
import type { LayoutFigures } from '../../preload/contract/analysis.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'

/** Plans of larger worlds take too long to make one for every layout. */
const MOST_RANKS = 128

/**
 * The layouts that a config could have, each as the plan has it, in the order of LAYOUTS. Empty where there is nothing
 * to choose: one rank, heads instead of tokens split among ranks, a mask that loads all ranks alike, or an algorithm that needs a layout of its own.
 * @param reportOf makes the plan report of a config.
 */
export function layoutFigures(config: RunConfig, reportOf: (config: RunConfig) => PlanReport): LayoutFigures[] {
  const { world, algorithm, mask, cuSeqlens, keyPadding } = config
  const loadsAllAlike = mask === 'full' && cuSeqlens === null && keyPadding === null
  if (world === 1 || world > MOST_RANKS || algorithm === 'ulysses' || loadsAllAlike) return []
  const candidates = LAYOUTS.flatMap((layout) => {
    const checked = checkRunConfig({ ...config, layout })
    return checked.config === null ? [] : [checked.config]
  })
  if (candidates.length < 2) return []
  return candidates.map((candidate) => {
    const { idleFraction, speedupOverContiguous, tileQuantised } = reportOf(candidate)
    return {
      layout: candidate.layout, used: candidate.layout === config.layout, idleFraction, speedupOverContiguous,
      tiled: tileQuantised === null ? null : {
        idleFraction: tileQuantised.idleFraction, speedupOverContiguous: tileQuantised.speedupOverContiguous,
      },
    }
  })
}
