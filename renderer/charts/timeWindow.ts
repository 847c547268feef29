/** A stretch of a timeline, in ns from its origin. */
export interface TimeWindow {
  readonly startNs: number
  readonly endNs: number
}

/** Zooming further in than this shows nothing more: clocks tick in tens of ns. */
export const NARROWEST_NS = 200

export const widthOf = (window: TimeWindow): number => window.endNs - window.startNs

/** Keeps a window at least {@link NARROWEST_NS} wide, at most as wide as the bounds, and inside them. */
export function clampWindow(window: TimeWindow, bounds: TimeWindow): TimeWindow {
  const full = Math.max(NARROWEST_NS, widthOf(bounds))
  const width = Math.min(full, Math.max(NARROWEST_NS, widthOf(window)))
  const middle = (window.startNs + window.endNs) / 2
  const wanted = widthOf(window) === width ? window.startNs : middle - width / 2
  const startNs = Math.max(bounds.startNs, Math.min(wanted, bounds.startNs + full - width))
  return { startNs, endNs: startNs + width }
}

/** @param factor above 1 zooms in. @param anchorNs the time that stays where it is on the screen */
export function zoomWindow(window: TimeWindow, factor: number, anchorNs: number, bounds: TimeWindow): TimeWindow {
  const narrowest = Math.max(NARROWEST_NS, widthOf(window) / factor)
  const width = Math.min(narrowest, Math.max(NARROWEST_NS, widthOf(bounds)))
  const share = (anchorNs - window.startNs) / widthOf(window)
  const startNs = anchorNs - share * width
  return clampWindow({ startNs, endNs: startNs + width }, bounds)
}

/** @param share of the window's width; above 0 moves to later times */
export function panWindow(window: TimeWindow, share: number, bounds: TimeWindow): TimeWindow {
  const shift = share * widthOf(window)
  return clampWindow({ startNs: window.startNs + shift, endNs: window.endNs + shift }, bounds)
}

/** The window that shows a span with some room around it. */
export function windowAround(startNs: number, endNs: number, bounds: TimeWindow): TimeWindow {
  const margin = Math.max(NARROWEST_NS / 2, (endNs - startNs) * 0.1)
  return clampWindow({ startNs: startNs - margin, endNs: endNs + margin }, bounds)
}

/** A span narrower than this share of the window, or wider than that one, is hard to make out among its neighbours. */
const LEAST_SHARE = 0.02
const LARGEST_SHARE = 0.6
/** How many times its own width a span's window then has. */
const CONTEXT = 8

/** The window moved to a span, at its width where the span can be made out in it, else with the span's neighbours around it. */
export function windowWithContext(startNs: number, endNs: number, window: TimeWindow, bounds: TimeWindow): TimeWindow {
  const duration = endNs - startNs
  const share = duration / widthOf(window)
  const seen = share >= LEAST_SHARE && share <= LARGEST_SHARE
  if (seen && startNs >= window.startNs && endNs <= window.endNs) return window
  const width = seen ? widthOf(window) : Math.max(NARROWEST_NS, duration * CONTEXT)
  const middle = (startNs + endNs) / 2
  return clampWindow({ startNs: middle - width / 2, endNs: middle + width / 2 }, bounds)
}

export const sameWindow = (a: TimeWindow, b: TimeWindow): boolean => a.startNs === b.startNs && a.endNs === b.endNs
