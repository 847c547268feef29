import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import type { PlannerTables } from '../../../preload/contract/planner.ts'
import { ACCELERATORS } from './accelerators.ts'
import { LINKS } from './links.ts'
import { MODELS } from './models.ts'

/** What the planner offers. @param thisMachine its measured rates as a cluster; null where nothing was measured. */
export const plannerTables = (thisMachine: ClusterModel | null): PlannerTables =>
  ({ accelerators: ACCELERATORS, links: LINKS, models: MODELS, thisMachine })
