import type { TimelineSummary } from '../../preload/contract/timeline.ts'

type Tally = TimelineSummary['repairs']

const listed = (tally: Tally): string => tally.map(({ kind, count }) => `${count} x ${kind}`).join(', ')

/** What reading a file had to mend or leave out, empty when nothing: `Mended: 1 x begin without an end`. */
export function describeMending({ repairs, dropped }: Pick<TimelineSummary, 'repairs' | 'dropped'>): string {
  return [
    repairs.length === 0 ? '' : `Mended: ${listed(repairs)}`,
    dropped.length === 0 ? '' : `Left out: ${listed(dropped)}`,
  ].filter((part) => part !== '').join('. ')
}
