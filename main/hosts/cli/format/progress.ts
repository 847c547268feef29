import type { RunProgress } from '../../../../preload/contract/run.ts'

const WIDTH = 24

/** "[######------]  25 %  label" */
export function progressBar(fraction: number, label: string): string {
  const done = Math.floor(fraction * WIDTH)
  return `[${'#'.repeat(done)}${'-'.repeat(WIDTH - done)}] ${String(Math.floor(fraction * 100)).padStart(3)} %  ${label}`
}

/** Share of all steps that every rank has finished. @param steps of an iteration. */
export function runFraction(progress: Pick<RunProgress, 'iterations' | 'ranks'>, steps: number): number {
  const least = Math.min(...progress.ranks.map((rank) => rank.iteration + rank.step / steps))
  return progress.ranks.length === 0 ? 0 : Math.min(1, Math.max(0, least / progress.iterations))
}
