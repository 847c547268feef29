import type { Layout } from '../../../kernels/config/runConfig.ts'
import { ArgLookup } from '../../timeline/argLookup.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import type { RingPass } from './ringPasses.ts'

/** What a pattern of work speaks for. */
export interface LayoutGuess {
  /** Null where no layout fits clearly. */
  readonly layout: Layout | null
  /** In sentences. */
  readonly evidence: readonly string[]
}

/** Each rank's share of work by step, relative to its own mean: 1 is an average step. Null where it computes nothing at all. */
export type WorkShares = readonly (readonly number[] | null)[]

/** What was launched for each rank's steps: kernel and grid as a text. Empty where that is not known. */
export type Launches = readonly (readonly string[])[]

/** Root mean square deviation that still counts as a fit, of shares whose mean is 1. */
const FITS = 0.15
/** How much worse the next best must fit. */
const CLEARLY = 2
/** Deviations below this, of a share of 1, are rounding of recorded times. */
const LEAST_DEVIATION = 1e-5
/** Of the variation of even work, what a pattern must explain. */
const EXPLAINS = 0.9

const percent = (share: number): string => `${share >= 0.0995 ? Math.round(share * 100) : Number((share * 100).toPrecision(2))} %`

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** A row relative to its own mean, so that a rank that is slower as a whole does not blur its pattern. */
function relative(row: readonly number[]): readonly number[] | null {
  const average = mean(row)
  return average > 0 ? row.map((value) => value / average) : null
}

/** Sum of squared differences over ranks with work, and the number of cells. */
function distance(work: WorkShares, expected: WorkShares): number {
  let squares = 0
  let cells = 0
  work.forEach((row, rank) => {
    const other = expected[rank]
    if (row === null || other === null) return
    row.forEach((value, step) => { squares += (value - other[step]) ** 2 })
    cells += row.length
  })
  return cells === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(squares / cells)
}

interface Pattern {
  /** Ring positions of the ranks in the work matrix. */
  readonly positions: readonly number[]
  readonly size: number
  readonly steps: number
}

/** Whose K/V a position holds at a step. Blocks move against `direction`; a backward pass may begin with the last one. */
type OwnerOf = (position: number, step: number) => number

function owners({ size, steps }: Pattern): OwnerOf[] {
  const wrap = (value: number): number => ((value % size) + size) % size
  return [
    (position, step) => wrap(position - step), (position, step) => wrap(position + step),
    (position, step) => wrap(position - (steps - 1 - step)), (position, step) => wrap(position + (steps - 1 - step)),
  ]
}

const matrix = ({ positions, steps }: Pattern, cell: (position: number, step: number) => number): number[][] =>
  positions.map((position) => Array.from({ length: steps }, (_, step) => cell(position, step)))

/** Contiguous shards under a causal mask: half a block of the own keys, all of earlier ones, nothing of later ones. */
const contiguous = (pattern: Pattern, owner: OwnerOf): WorkShares =>
  matrix(pattern, (position, step) => (owner(position, step) === position ? 0.5 : owner(position, step) < position ? 1 : 0)).map(relative)

/**
 * By how much steps differ where all are about half a block, up to a factor. Zigzag: the own block is the only one with a
 * diagonal, c(c+1)/2 pairs against c²/2. Striped: c(c+1)/2 pairs with the blocks of earlier positions, c(c-1)/2 with later ones.
 */
const DEVIATIONS: readonly { readonly layout: Layout; readonly words: string; cell(owner: number, position: number): number }[] = [
  { layout: 'zigzag', words: "the step with a rank's own block takes longer than the others, as the diagonal of zigzag shards does", cell: (owner, position) => (owner === position ? 1 : 0) },
  { layout: 'striped', words: 'steps with earlier shards take longer than steps with later ones, as the diagonals of striped shards do', cell: (owner, position) => (owner <= position ? 1 : 0) },
]

interface DeviationFit {
  readonly layout: Layout
  readonly words: string
  /** How much longer the longer steps take. */
  readonly size: number
  /** Share of the variation that is left. */
  readonly left: number
}

function fitDeviation(work: WorkShares, pattern: Pattern, owner: OwnerOf, { layout, words, cell }: (typeof DEVIATIONS)[number]): DeviationFit | null {
  let [xy, xx, yy] = [0, 0, 0]
  matrix(pattern, (position, step) => cell(owner(position, step), position)).forEach((row, rank) => {
    const own = work[rank]
    if (own === null) return
    const average = mean(row)
    row.forEach((value, step) => {
      const [x, y] = [value - average, own[step] - 1]
      xy += x * y
      xx += x * x
      yy += y * y
    })
  })
  if (xx === 0 || yy === 0 || xy <= 0) return null
  return { layout, words, size: xy / xx, left: Math.max(0, 1 - xy * xy / (xx * yy)) }
}

/** Whether every rank's own block, at the first step or at the last, is computed by another kernel or grid than all others. */
const ownBlockDiffers = (launches: Launches): boolean => launches.length > 0 && [0, -1].some((own) => launches.every((row) =>
  row.every((launch, step) => step === (own + row.length) % row.length || launch !== row.at(own))))

/** Which of the layouts that share work evenly it is, by how blocks are launched, else by the little that steps differ. @param noise standard error of a cell's share. */
function guessEven(work: WorkShares, pattern: Pattern, evenness: number, noise: number, launches: Launches): LayoutGuess {
  const even = `Every rank computes about equally long in every step (within ${percent(evenness)}): no contiguous shards under a causal mask`
  const unclear = { layout: null, evidence: [`${even}; zigzag, striped and block-cyclic shards and a full mask all look so`] }
  if (launches.some((row) => new Set(row).size > 1)) {
    if (!ownBlockDiffers(launches)) return unclear
    return { layout: 'zigzag', evidence: [even, "Each rank's own block is computed by another kernel or grid than all other blocks: of zigzag shards it alone has the causal diagonal"] }
  }
  const fits = owners(pattern).flatMap((owner) => DEVIATIONS.flatMap((deviation) => fitDeviation(work, pattern, owner, deviation) ?? []))
    .sort((a, b) => a.left - b.left)
  const best = fits.at(0)
  if (best === undefined || best.left > 1 - EXPLAINS || best.size < Math.max(LEAST_DEVIATION, 4 * noise)) return unclear
  const next = fits.find(({ layout }) => layout !== best.layout)
  if (next !== undefined && next.left < CLEARLY * best.left + (1 - EXPLAINS)) return unclear
  const others = next === undefined ? '' : ` (${percent(1 - next.left)} for ${next.layout})`
  return {
    layout: best.layout,
    evidence: [even, `Of the little that steps differ, ${percent(1 - best.left)} fits ${best.layout}${others}: ${best.words}, by ${percent(best.size)}`],
  }
}

/**
 * The layout whose share of work per rank and step the attention kernels fit, for a ring with a causal mask.
 * @param work share of attention time by rank and step. @param noise standard error of a share.
 * @param launches by rank and step, as `work`; where kernels differ between steps, they decide, since then so do their rates.
 * @param positions of the ranks among the ring's, in order of rank. @param size number of ranks in the ring.
 */
export function guessLayout(work: readonly (readonly number[])[], noise: number, positions: readonly number[], size: number, launches: Launches = []): LayoutGuess {
  const shares = work.map(relative)
  const steps = work.at(0)?.length ?? 0
  const pattern: Pattern = { positions, size, steps }
  if (steps < 2 || shares.every((row) => row === null)) return { layout: null, evidence: ['No attention kernels from which the layout could be told'] }
  const even = distance(shares, matrix(pattern, () => 1))
  const uneven = Math.min(...owners(pattern).map((owner) => distance(shares, contiguous(pattern, owner))))
  if (uneven < FITS && even > CLEARLY * uneven + FITS / 2) {
    return { layout: 'contiguous', evidence: [
      `Attention time per rank and step fits contiguous shards under a causal mask within ${percent(uneven)} (next best, even work: ${percent(even)})`,
    ] }
  }
  if (even < FITS && uneven > CLEARLY * even) return guessEven(shares, pattern, even, noise, launches)
  return { layout: null, evidence: [
    `No layout fits the attention time per rank and step clearly: even work ${percent(even)} off, contiguous shards under a causal mask ${percent(uneven)} off`,
  ] }
}

/**
 * Each rank's share of work by step over passes (ranks ascending), and the standard error of a share. A pass that is slower
 * as a whole, as in warm-up, has the same shares.
 */
export function workOf(passes: readonly RingPass[]): { readonly ranks: readonly number[]; readonly work: number[][]; readonly noise: number } {
  const ranks = [...passes[0].ranks].sort((a, b) => a - b)
  const { length: steps } = passes[0].steps
  let [squares, cells] = [0, 0]
  const work = ranks.map((rank) => {
    const rows = passes.flatMap((pass) => {
      const row = relative(pass.steps.map(({ computeNs }) => computeNs[pass.ranks.indexOf(rank)]))
      return row === null ? [] : [row]
    })
    return Array.from({ length: steps }, (_, step) => {
      const shares = rows.map((row) => row[step])
      const average = shares.length === 0 ? 0 : mean(shares)
      if (average > 0) {
        squares += mean(shares.map((share) => (share - average) ** 2)) / shares.length
        cells++
      }
      return average
    })
  })
  return { ranks, work, noise: cells === 0 ? 0 : Math.sqrt(squares / cells) }
}

/** The longest attention kernel of every step of a pass, by rank (ascending): its name and grid. Empty where a step has none. */
export function launchesOf({ spans, strings, trace }: Timeline, pass: RingPass): Launches {
  if (trace === null || pass.steps.some((step) => step.spans.some((own) => own.length === 0))) return []
  const args = new ArgLookup(trace.args)
  return [...pass.ranks].sort((a, b) => a - b).map((rank) => pass.steps.map((step) => {
    const longest = step.spans[pass.ranks.indexOf(rank)].reduce((best, span) => (spans.durationNs[span] > spans.durationNs[best] ? span : best))
    return `${strings[spans.name[longest]]} ${args.json(longest, 'grid') ?? ''}`
  }))
}
