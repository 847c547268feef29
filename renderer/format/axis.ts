import { TIME_UNITS } from './quantity.ts'

const thousands = (text: string): string => {
  const [whole, fraction] = text.split('.')
  const spaced = whole.replaceAll(/\B(?=(\d{3})+(?!\d))/g, '\u2009')
  return fraction === undefined ? spaced : `${spaced}.${fraction}`
}

/**
 * A tick of a time axis: the unit fits the window, the decimals fit the distance between ticks, so that neighbouring
 * ticks always read differently however far the view is zoomed in.
 * @param ns the tick, in ns
 * @param windowNs width of the visible window
 */
export function formatAxisTime(ns: number, windowNs: number): string {
  const unit = TIME_UNITS.findLast((candidate) => windowNs >= 2 * candidate.factor) ?? TIME_UNITS[0]
  const tick = windowNs / 10 / unit.factor
  const decimals = unit.factor === 1 ? 0 : Math.max(0, Math.min(6, Math.ceil(-Math.log10(tick))))
  const text = (ns / unit.factor).toFixed(decimals)
  const trimmed = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return `${thousands(trimmed)} ${unit.name}`
}
