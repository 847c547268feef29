import { performance } from 'node:perf_hooks'
import { parseRunConfig } from '../kernels/config/runConfig.ts'
import { planRun } from '../kernels/plan/planRun.ts'
import { UNDISTURBED } from '../main/simulator/circumstances.ts'
import { planFigures } from '../main/planner/planReport.ts'
import { planningRates } from '../main/planner/rates.ts'
import { evaluate } from '../main/simulator/evaluation.ts'

/** One world of the simulate bench in a process of its own, from its config to all figures of its plan. */
export interface ChildReport {
  /** The plan and everything that `ringscope plan` says of it but the steps: theory and simulation. */
  readonly seconds: number
  /** Of that the simulation, told to nobody. */
  readonly simulationSeconds: number
  readonly steps: number
  readonly moves: number
  readonly peakRssMiB: number
}

const config = parseRunConfig(JSON.parse(process.argv[2]), 'the bench')
const begun = performance.now()
const plan = planRun(config)
planFigures(config, plan)
const seconds = (performance.now() - begun) / 1000

let [steps, moves] = [0, 0]
const again = performance.now()
evaluate(plan, { cluster: planningRates(config).cluster, disturbance: UNDISTURBED, overlap: config.overlap, stragglers: config.stragglers },
  { entered: () => { steps++ }, left: () => undefined, moved: () => { moves++ } })
const report: ChildReport = {
  seconds, simulationSeconds: (performance.now() - again) / 1000, steps, moves, peakRssMiB: process.resourceUsage().maxRSS / 1024,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
