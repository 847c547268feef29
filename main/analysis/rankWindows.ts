/** Is told of each window that a stretch of time lies in, and what of it does. */
export type InWindow = (window: number, fromNs: number, toNs: number) => void

/** Parts of a trace that are measured apart: for each rank its own, since ranks need not begin together. */
export interface RankWindows {
  readonly count: number
  /** Length of one; null for the whole trace, whose length is where its spans end. */
  lengthNs(rank: number, window: number): number | null
  /** Clips [startNs, endNs) of a rank to its windows. A moment without length is in the window that it falls in. */
  each(rank: number, startNs: number, endNs: number, inWindow: InWindow): void
}

/** One window that holds all. */
export const WHOLE_TRACE: RankWindows = {
  count: 1,
  lengthNs: () => null,
  each: (_rank, startNs, endNs, inWindow) => { inWindow(0, startNs, endNs) },
}

export interface Window {
  readonly startNs: number
  readonly endNs: number
}

/** Index of the last window that begins at or before a time; -1 where none does. */
function lastBegun(windows: readonly Window[], timeNs: number): number {
  let low = 0
  let high = windows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (windows[middle].startNs <= timeNs) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** @param byRank by position of the rank, as many windows for each: ascending and disjoint. */
export function rankWindows(byRank: readonly (readonly Window[])[]): RankWindows {
  return {
    count: byRank.length === 0 ? 0 : byRank[0].length,
    lengthNs: (rank, window) => byRank[rank][window].endNs - byRank[rank][window].startNs,
    each: (rank, startNs, endNs, inWindow) => {
      const windows = byRank[rank]
      for (let at = Math.max(0, lastBegun(windows, startNs)); at < windows.length && windows[at].startNs <= endNs; at++) {
        const fromNs = Math.max(startNs, windows[at].startNs)
        const toNs = Math.min(endNs, windows[at].endNs)
        if (toNs > fromNs || (startNs === endNs && startNs >= windows[at].startNs && startNs < windows[at].endNs)) inWindow(at, fromNs, toNs)
      }
    },
  }
}

/** The window of a rank that a moment falls in; -1 for none. */
export function windowAt(windows: readonly Window[], timeNs: number): number {
  const at = lastBegun(windows, timeNs)
  return at >= 0 && timeNs < windows[at].endNs ? at : -1
}
