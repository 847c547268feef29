import type { CriticalPath } from '../../preload/contract/analysis.ts'
import { formatNs, formatPercent } from '../format/quantity.ts'
import { CATEGORY_LOOKS } from '../theme/categories.ts'
import type { StackedBarsPicture } from './stackedBars.ts'
import { givesBack, PATH_PARTS, WHAT_IFS } from './traceFindings.ts'

const colourOf = (look: (typeof PATH_PARTS)[number]['look']): string | null => (look === null ? null : CATEGORY_LOOKS[look].colour)

export interface PathLegendEntry {
  readonly label: string
  readonly colour: string | null
  readonly meaning: string
}

/** The parts that the makespan is made of, as they are drawn. */
export function pathLegend(path: CriticalPath): PathLegendEntry[] {
  return PATH_PARTS.filter(({ key }) => path[key] > 0).map(({ label, look, meaning }) => ({ label, colour: colourOf(look), meaning }))
}

/** Room for `gives back 0.0573 %`, the longest note. */
const NOTE_WIDTH = 136
const formatUs = (us: number): string => formatNs(us * 1000)

/** One stacked bar of what the makespan was made of. */
export function pathPicture(path: CriticalPath): StackedBarsPicture {
  return {
    left: 100, right: NOTE_WIDTH, format: formatUs,
    bars: [{ label: 'makespan', note: formatUs(path.makespanUs), tick: null, parts: PATH_PARTS.map(({ key, look }) => ({ length: path[key], colour: colourOf(look) })) }],
  }
}

export const WHAT_IF_LEGEND: readonly PathLegendEntry[] = [
  { label: 'left', colour: CATEGORY_LOOKS.other.colour, meaning: 'The makespan that the change alone would leave, by the same dependencies' },
  { label: 'given back', colour: null, meaning: 'What the change would save: an upper bound, since it changes nothing else' },
]

/** What each change alone would leave of the makespan, and, hatched, give back. */
export function whatIfPicture(path: CriticalPath): StackedBarsPicture {
  return {
    left: 100, right: NOTE_WIDTH, format: formatUs,
    bars: WHAT_IFS.map(({ key, label }) => ({
      label, tick: null, note: `gives back ${formatPercent(givesBack(path, path.whatIf[key]))}`,
      parts: [
        { length: path.whatIf[key], colour: CATEGORY_LOOKS.other.colour },
        { length: Math.max(0, path.makespanUs - path.whatIf[key]), colour: null },
      ],
    })),
  }
}
