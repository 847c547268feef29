import { checkRunConfig, type Layout, type RunConfig } from '../../../kernels/config/runConfig.ts'
import { formatProblem } from '../../../kernels/config/problem.ts'
import { planBasis } from '../../../kernels/plan/basis.ts'
import { tokenLayout } from '../../../kernels/plan/layout.ts'
import { type Tile, tilesAreCountable } from '../../../kernels/plan/tileQuantised.ts'
import type { PlannerAnswers } from '../../../preload/contract/planner.ts'

/** A way to arrange the question's problem. */
export interface Arrangement {
  readonly label: string
  readonly config: RunConfig
}

/** What can be simulated, and what cannot or is left out, with the reason. */
export interface Arrangements {
  /** The contiguous ring first: what all others are compared with. */
  readonly possible: readonly Arrangement[]
  readonly impossible: PlannerAnswers['impossible']
}

/**
 * Steps and messages of all candidates together, which are some seconds of simulation. The two plain rings are always simulated, then what
 * the nodes' size suggests, then the cheapest first; what is beyond is left out and said so.
 */
const MOST_EVENTS = 15e6

/** Steps, and messages of the all-to-alls, of all ranks; and of every block the documents that its pairs are counted in. */
function eventsOf(config: RunConfig): number {
  const { world, algorithm, pass, cuSeqlens, layout } = config
  const { geometry: { ringSize, degree }, computeTokens } = tokenLayout(config)
  const steps = algorithm === 'distflash' ? ringSize : 2 * ringSize
  const documents = cuSeqlens === null ? 0 : cuSeqlens.length - 1
  const documentsOfShard = layout === 'striped' || layout === 'block-cyclic' ? Math.min(documents, computeTokens) : documents / ringSize
  return world * (steps + 2 * (degree - 1)) * (pass === 'forward' ? 1 : 3) + ringSize ** 2 * documentsOfShard
}

/** Divisors but 1 and the number itself, ascending. */
const properDivisors = (count: number): number[] =>
  Array.from({ length: Math.max(0, count - 2) }, (_, index) => index + 2).filter((divisor) => count % divisor === 0)

/** An arrangement that one would want: `of` tells it from others of its kind, such as its window. */
interface Wish {
  readonly kind: string
  readonly of: string
  readonly changes: Partial<RunConfig>
  readonly preferred: boolean
  /** Why it cannot be; null where the config's own rules decide. */
  readonly why: string | null
}

const labelOf = ({ kind, of }: Pick<Wish, 'kind' | 'of'>): string => kind.replace('%', of)

/** Why a Ulysses group of so many ranks cannot split the heads; null where it can. */
function headsUnsplit({ heads, kvHeads }: RunConfig, degree: number): string | null {
  if (heads % degree !== 0) return `${heads} heads cannot be split evenly among that many ranks`
  if (kvHeads % degree !== 0 && degree % kvHeads !== 0) return `${kvHeads} K/V heads can neither be split evenly among that many ranks nor be shared evenly by them`
  return null
}

function wishes(base: RunConfig, ranksPerNode: number | null): Wish[] {
  const members = base.world / base.ringSets
  const causal = base.mask === 'causal'
  const balanced = causal ? 'zigzag' : 'contiguous'
  const wish = (kind: string, of: string, changes: Partial<RunConfig>, preferred = false, why: string | null = null): Wish => ({ kind, of, changes, preferred, why })
  const ring = (layout: Layout, why: string | null = null): Wish => wish('% ring', layout, { layout }, layout === balanced, why)
  const same = causal ? null : 'under a full mask every layout computes the same'
  const plain = [ring('contiguous'), ring('zigzag', same), ring('striped', same), ring('block-cyclic', same)]
  if (members === 1) return plain
  return [
    ...plain,
    wish('Ulysses of all % ranks', `${members}`, { algorithm: 'ulysses', layout: 'contiguous' }, false, headsUnsplit(base, members)),
    wish('DistFlashAttention%', '', { algorithm: 'distflash', layout: 'contiguous' }, false, causal ? null : 'it balances what a causal mask makes uneven'),
    ...properDivisors(members).map((degree) => wish(`Ulysses of % x ${balanced} ring`, `${degree}`,
      { algorithm: 'hybrid', ulyssesDegree: degree, layout: balanced }, degree === ranksPerNode, headsUnsplit(base, degree))),
    ...properDivisors(members).map((window) => wish(`double ring in windows of %, ${balanced}`, `${window}`,
      { algorithm: 'double-ring', window, layout: balanced }, window === ranksPerNode)),
  ]
}

/** Those of one kind that are left out for one reason are said together. */
function grouped(leftOut: readonly { readonly wish: Wish; readonly why: string }[]): PlannerAnswers['impossible'] {
  const groups = Map.groupBy(leftOut, ({ wish, why }) => `${wish.kind}\n${why}`)
  return Array.from(groups.values(), (group) => ({
    label: labelOf({ kind: group[0].wish.kind, of: group.map(({ wish }) => wish.of).join(', ') }), why: group[0].why,
  }))
}

/**
 * Every layout and algorithm that a problem's shape allows: rings of all layouts, double rings with windows that divide the
 * ring, Ulysses, hybrids and DistFlashAttention, the balanced ones zigzag. Under a full mask layouts do not differ and the
 * contiguous stands for all.
 * @param ranksPerNode the windows and degrees that matter most on the cluster; null where it has one node.
 * @param tile that its devices compute whole: only those of the contiguous ring need to be {@link tilesAreCountable countable}.
 */
export function arrangements(question: RunConfig, ranksPerNode: number | null, tile: Tile | null = null): Arrangements {
  const base: RunConfig = { ...question, algorithm: 'ring', window: 1, ulyssesDegree: 1 }
  const leftOut: { wish: Wish; why: string }[] = []
  const valid = wishes(base, ranksPerNode).flatMap((wish) => {
    const { config, problems } = checkRunConfig({ ...base, ...wish.changes })
    if (wish.why === null && config !== null) return [{ wish, config, events: eventsOf(config) }]
    leftOut.push({ wish, why: wish.why ?? problems.map(formatProblem).join('; ') })
    return []
  })
  const [contiguous, ...others] = valid
  let events = contiguous.events
  const byUrgency = others.toSorted((one, other) => Number(other.wish.preferred) - Number(one.wish.preferred) || one.events - other.events)
  const taken = new Set(byUrgency.filter(({ wish, config, events: own }) => {
    if (tile !== null && !tilesAreCountable(planBasis(config), tile)) {
      leftOut.push({ wish, why: `whole tiles of ${tile.blockQ} x ${tile.blockK} take too long to count in its shards under this mask` })
      return false
    }
    const fits = events + own <= MOST_EVENTS || config.algorithm === 'ring' && wish.preferred
    if (fits) events += own
    else leftOut.push({ wish, why: 'left out to answer in seconds; simulate it by itself' })
    return fits
  }))
  return {
    possible: [contiguous, ...others.filter((other) => taken.has(other))].map(({ wish, config }) => ({ label: labelOf(wish), config })),
    impossible: grouped(leftOut),
  }
}
