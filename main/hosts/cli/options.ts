/** How options are read; every refusal ends with code 2 and commander's own message. */
import { InvalidArgumentError, Option } from 'commander'

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
