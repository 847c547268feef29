import type { Layout, Pass, RunConfig } from '../../../kernels/config/runConfig.ts'
import { planRun } from '../../../kernels/plan/planRun.ts'
import { tileQuantised } from '../../../kernels/plan/tileQuantised.ts'
import type { PublishedAnswer } from '../../../preload/contract/planner.ts'
import { BLOCK_OVERHEAD_US } from '../../../preload/contract/clusterOf.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { simulateFigures } from '../../simulator/simulateFigures.ts'
import { ACCELERATORS } from '../tables/accelerators.ts'
import { LINKS } from '../tables/links.ts'
import { answer, experiment } from './answer.ts'
import { fitIncreasing } from './fit.ts'

/** Iterations a second as the README has them (reference section 1.1). */
interface Published {
  readonly label: string
  readonly accelerator: string
  readonly link: string
  readonly theoretic: Readonly<Record<Pass, number>>
  readonly rings: Readonly<Record<Pass, Readonly<Record<RingLayout, number>>>>
}

type RingLayout = Exclude<Layout, 'block-cyclic'>

const RINGS: readonly (readonly [RingLayout, string])[] = [['contiguous', 'ring'], ['zigzag', 'zigzag'], ['striped', 'stripe']]
const PASS_NAMES: readonly (readonly [Pass, string])[] = [['forward', 'forward'], ['forward-backward', 'forward and backward']]

const A100: Published = {
  label: '8 x A100', accelerator: 'a100-sxm', link: 'nvlink3',
  theoretic: { 'forward': 46.7, 'forward-backward': 11.8 },
  rings: {
    'forward': { contiguous: 24, zigzag: 38.2, striped: 32.5 },
    'forward-backward': { contiguous: 6.2, zigzag: 10.6, striped: 9.75 },
  },
}
const H800: Published = {
  label: '8 x H800', accelerator: 'h800-sxm', link: 'nvlink4-h800',
  theoretic: { 'forward': 73.9, 'forward-backward': 19.3 },
  rings: {
    'forward': { contiguous: 38.5, zigzag: 63, striped: 55 },
    'forward-backward': { contiguous: 10.4, zigzag: 17.4, striped: 16 },
  },
}

const RANKS = 8
const RANK_TOKENS = 8192

/** Llama 3 8B's attention with 8192 tokens per GPU, bf16, causal. */
const ring = (layout: Layout, pass: Pass, world = RANKS): RunConfig => experiment({
  world, layout, pass, seqLen: world * RANK_TOKENS, heads: 32, kvHeads: 8, headDim: 128, wireDtype: 'bfloat16',
})

/**
 * What a causal block costs over half an unmasked one, said as the side of a square tile that would cost so: 1 + t/c. The
 * kernel's tile is 128 x 128 (reference section 6.2) and would cost 1.016 at c = 8192; masked tiles and query blocks of
 * uneven length make it more.
 */
const CAUSAL_TILES = [128, 256, 512, 1024, 2048] as const

/** The two parameters that are fitted; all else is the README's own single-GPU rates, and tables. */
interface Fitted {
  readonly causalTile: number
  /** Merging a row and head, ns. */
  readonly rowNs: number
}

/** Time of one GPU for the same 8192 tokens, s: eight GPUs have 64 times the work, so it is "theoretic" times eight. */
const singleGpuSeconds = ({ theoretic }: Published, pass: Pass): number => 1 / (theoretic[pass] * RANKS)

/** Operations that one GPU's kernel makes, in whole tiles. */
function singleGpuFlops(pass: 'forward' | 'backward', tile: ClusterModel['device']['tile']): number {
  const one = { ...ring('contiguous', 'forward', 1), ...tile }
  const plan = planRun(one)
  const pairs = tileQuantised(one)?.totalPairs ?? plan.totalPairs
  return pairs * (pass === 'forward' ? plan.flopsPerPair : plan.backwardFlopsPerPair)
}

/**
 * The published machine as a cluster. Rates: what one GPU reached in the README's own single-GPU measurement, of the backward
 * pass what is left of it.
 */
function machine(published: Published, { causalTile, rowNs }: Fitted): ClusterModel {
  const accelerator = ACCELERATORS.find(({ id }) => id === published.accelerator)
  const link = LINKS.find(({ id }) => id === published.link)
  if (accelerator === undefined || link === undefined) throw new Error(`the tables miss ${published.accelerator} or ${published.link}`)
  const forward = singleGpuSeconds(published, 'forward')
  const backward = singleGpuSeconds(published, 'forward-backward') - forward
  const tile = { blockQ: causalTile, blockK: causalTile }
  return {
    label: published.label,
    device: {
      forwardGflops: singleGpuFlops('forward', tile) / forward / 1e9, backwardGflops: singleGpuFlops('backward', tile) / backward / 1e9,
      blockOverheadUs: BLOCK_OVERHEAD_US, rowNs, tile, memoryBytes: accelerator.memoryGB * 1e9,
    },
    elementBytes: { kv: 2, query: 2, gradient: 4 },
    intra: { bandwidthGBps: link.bandwidthGBps, latencyUs: link.latencyUs }, inter: null, ranksPerNode: null,
  }
}

/** Share of the theoretic rate that a ring reaches in the simulation, percent. */
function simulatedPercent(published: Published, cluster: ClusterModel, layout: Layout, pass: Pass): number {
  const { makespanMs } = simulateFigures(ring(layout, pass), cluster)
  return (100 * singleGpuSeconds(published, pass) * RANKS) / (makespanMs / 1000)
}

const publishedPercent = ({ theoretic, rings }: Published, layout: RingLayout, pass: Pass): number => (100 * rings[pass][layout]) / theoretic[pass]

/** The cost of merging with which the zigzag ring's forward pass is as fast as published. */
function fitMerging(published: Published, causalTile: number): Fitted {
  const target = publishedPercent(published, 'zigzag', 'forward')
  const MOST_ROW_NS = 100
  // The percentage falls as merging costs more.
  const percent = (rowNs: number): number => simulatedPercent(published, machine(published, { causalTile, rowNs }), 'zigzag', 'forward')
  return { causalTile, rowNs: fitIncreasing((rowNs) => -percent(rowNs), -target, 0, MOST_ROW_NS) }
}

/** Figures of the A100 that choose the tile, beside the zigzag ring's forward pass. */
const TILE_FIT: readonly (readonly [RingLayout, Pass])[] = [['striped', 'forward'], ['zigzag', 'forward-backward']]

/** The tile whose squared errors on these figures are least, in percentage points. */
function fitCausalTile(): number {
  const errors = CAUSAL_TILES.map((causalTile) => {
    const cluster = machine(A100, fitMerging(A100, causalTile))
    return TILE_FIT.reduce((sum, [layout, pass]) =>
      sum + (simulatedPercent(A100, cluster, layout, pass) - publishedPercent(A100, layout, pass)) ** 2, 0)
  })
  return CAUSAL_TILES[errors.indexOf(Math.min(...errors))]
}

interface Calibrated {
  readonly a100: ClusterModel
  readonly h800: ClusterModel
}

let made: Calibrated | null = null

/** Both machines: of each its merging, and one tile for both, since they ran the same kernels. Fitted once. */
function calibrated(): Calibrated {
  if (made === null) {
    const causalTile = fitCausalTile()
    const of = (published: Published): ClusterModel => machine(published, fitMerging(published, causalTile))
    made = { a100: of(A100), h800: of(H800) }
  }
  return made
}

/** The A100 machine, for others who ran the same code on the same GPUs. */
export const calibratedA100 = (): ClusterModel => calibrated().a100

/** What a figure was used for; null for one that is predicted. */
function fits(published: Published, layout: RingLayout, pass: Pass): string | null {
  if (layout === 'zigzag' && pass === 'forward') return 'fits the cost of merging a row and head'
  const choosesTile = published === A100 && TILE_FIT.some(([ofLayout, ofPass]) => ofLayout === layout && ofPass === pass)
  return choosesTile ? 'helps to choose, for both machines, what a causal block costs over half an unmasked one' : null
}

function ofMachine(published: Published, cluster: ClusterModel): PublishedAnswer[] {
  const { device } = cluster
  return PASS_NAMES.flatMap(([pass, passName]) => RINGS.map(([layout, name]) => {
    const fitted = fits(published, layout, pass)
    return answer({
      source: `zhuzilin/ring-flash-attention README, ${published.label}, ${passName}`, reference: '1.1',
      what: `${name}: share of the theoretic rate`, unit: '%', kind: 'measured', role: fitted === null ? 'prediction' : 'calibration',
      published: publishedPercent(published, layout, pass), ours: simulatedPercent(published, cluster, layout, pass),
      note: fitted ?? `one calibration for both passes: ${device.rowNs.toFixed(2)} ns of merging a row and head, ` +
        `causal blocks at the cost of tiles of ${device.tile?.blockQ ?? 1}`,
    })
  }))
}

/** The twelve percentages of reference section 1.1: four of them fit the machines, eight are predicted. */
export function zhuzilinAnswers(): PublishedAnswer[] {
  const { a100, h800 } = calibrated()
  return [...ofMachine(A100, a100), ...ofMachine(H800, h800)]
}
