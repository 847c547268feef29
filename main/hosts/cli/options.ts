/** How options are read; every refusal ends with code 2 and commander's own message. */
import { InvalidArgumentError, Option } from 'commander'
import type { SweepAxis } from '../../../preload/contract/sweep.ts'
import { parseCacheSize } from '../../machine/caches.ts'

/** A whole number of at least `least`, for commander. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
    return value
  }
}

const LARGEST_BLOCK = 1 << 20

/** "64,128,256" as distinct block sizes in the order given. */
export function blockSizes(text: string): number[] {
  const parse = wholeNumber(1, LARGEST_BLOCK)
  return [...new Set(text.split(',').map((part) => parse(part.trim())))]
}

/** "headDim=64,128", added to those before it. */
export function sweepAxis(text: string, previous: readonly SweepAxis[] = []): readonly SweepAxis[] {
  const equals = text.indexOf('=')
  const values = text.slice(equals + 1).split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (equals < 1 || !values.every(Number.isFinite)) throw new InvalidArgumentError('Expected path=number,number, such as headDim=64,128.')
  return [...previous, { path: text.slice(0, equals).trim(), values: [...new Set(values)] }]
}

/** "2M", "512K" or bytes. */
export function cacheSize(text: string): number {
  const bytes = parseCacheSize(text)
  if (bytes === null) throw new InvalidArgumentError('Expected a size such as 2M, 512K or a number of bytes.')
  return bytes
}

/** A duration in seconds above 0. */
export function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Expected a number of seconds above 0.')
  return value
}

export const jsonOption = (): Option => new Option('--json', 'print one JSON document on stdout').default(false)

export const setOption = (): Option => new Option('--set <path=value>', 'change one key of the config, e.g. link.latencyUs=50; may be repeated')
  .argParser((text: string, previous: readonly string[] = []) => [...previous, text])
  .default([], 'none')

export const rulesOption = (): Option =>
  new Option('--rules <file>', 'classification rules (JSON) to use instead of classification.json in the user\'s folder')
