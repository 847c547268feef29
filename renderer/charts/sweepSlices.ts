import type { SweepAxis, SweepCell, SweepReport, SweptTile } from '../../preload/contract/sweep.ts'

/** A value for every axis that is not drawn. */
export type Slice = Readonly<Record<string, number>>

interface Swept {
  readonly values: Slice
}

const TILE_PATHS: readonly string[] = ['blockQ', 'blockK']

/** Axes that have more than one value to choose from, beside those that are drawn. */
export const slicedAxes = (axes: readonly SweepAxis[], drawn: readonly string[] = TILE_PATHS): SweepAxis[] =>
  axes.filter(({ path }) => !drawn.includes(path))

/** The slice that the user chose, completed and mended where a sweep has other values. */
export const sliceOf = (axes: readonly SweepAxis[], chosen: Slice): Slice =>
  Object.fromEntries(axes.map(({ path, values }) => [path, values.includes(chosen[path]) ? chosen[path] : values[0]]))

export const inSlice = ({ values }: Swept, slice: Slice): boolean => Object.entries(slice).every(([path, value]) => values[path] === value)

const sameValues = (a: Slice, b: Slice): boolean => Object.keys({ ...a, ...b }).every((path) => a[path] === b[path])

export const sameTile = (a: SweptTile, b: SweptTile | null | undefined): boolean =>
  b != null && a.blockQ === b.blockQ && a.blockK === b.blockK && sameValues(a.values, b.values)

const most = <T>(items: readonly T[], figure: (item: T) => number): T | null =>
  items.reduce<T | null>((best, item) => (best === null || figure(item) > figure(best) ? item : best), null)

const flopsOf = ({ gflops, medianMs }: SweepCell): number => gflops * medianMs * 1e6

/** The fastest cell whose result is right; of cells that are all wrong, the fastest. */
export function bestCell(cells: readonly SweepCell[]): SweepCell | null {
  const right = cells.filter(({ passed }) => passed)
  return most(right.length > 0 ? right : cells, ({ gflops }) => gflops)
}

/**
 * The tile of a slice that was expected to be fastest: the report's where it lies there, else by the cells' own predictions. Null
 * where there are none. It need not have been measured.
 */
export function predictedTile(cells: readonly SweepCell[], slice: Slice, report: SweepReport | null): SweptTile | null {
  const stated = report?.predictedBest ?? null
  if (stated === null || sameValues(stated.values, slice)) return stated
  return cells.some(({ limits }) => limits === null) ? null : most(cells, (cell) => (cell.limits === null ? 0 : flopsOf(cell) / cell.limits.predictedMs))
}

export interface TileGrid {
  readonly blockQ: readonly number[]
  readonly blockK: readonly number[]
}

const ascending = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b)

/** Rows and columns of a slice's map: what a sweep under way is still to measure, or what was measured. */
export function gridOf(cells: readonly SweepCell[], axes: readonly SweepAxis[], finished: boolean): TileGrid {
  const planned = (path: string): readonly number[] => (finished ? [] : axes.find((axis) => axis.path === path)?.values ?? [])
  return {
    blockQ: ascending([...planned('blockQ'), ...cells.map(({ blockQ }) => blockQ)]),
    blockK: ascending([...planned('blockK'), ...cells.map(({ blockK }) => blockK)]),
  }
}

/** What the charts of a slice single out. */
export interface MarkedTiles {
  readonly best: SweepCell | null
  readonly predicted: SweptTile | null
}

/** Operations per byte of what limits a cell, the roofline's other axis; null where no traffic is modelled. */
export const intensityOf = (cell: SweepCell): number | null => (cell.limits === null || cell.limits.trafficBytes <= 0 ? null : flopsOf(cell) / cell.limits.trafficBytes)

/** "headDim 64, seqLen 4096". */
export const describeValues = (values: Slice): string => Object.entries(values).map(([path, value]) => `${path} ${value}`).join(', ')

export const tileName = ({ blockQ, blockK }: Pick<SweptTile, 'blockQ' | 'blockK'>): string => `${blockQ} x ${blockK}`
