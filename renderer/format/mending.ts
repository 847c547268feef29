import type { TimelineSummary } from '../../preload/contract/timeline.ts'

type Tally = TimelineSummary['files'][number]['repairs']

/** Counts of all files by kind, in the order in which kinds first occur. */
function listed(tallies: readonly Tally[]): string {
  const counts = new Map<string, number>()
  for (const { kind, count } of tallies.flat()) counts.set(kind, (counts.get(kind) ?? 0) + count)
  return [...counts].map(([kind, count]) => `${count} x ${kind}`).join(', ')
}

/** What reading the files had to mend or leave out, empty when nothing: `Mended: 1 x begin without an end`. */
export function describeMending(files: readonly Pick<TimelineSummary['files'][number], 'repairs' | 'dropped'>[]): string {
  const repairs = listed(files.map((file) => file.repairs))
  const dropped = listed(files.map((file) => file.dropped))
  return [repairs === '' ? '' : `Mended: ${repairs}`, dropped === '' ? '' : `Left out: ${dropped}`].filter((part) => part !== '').join('. ')
}
