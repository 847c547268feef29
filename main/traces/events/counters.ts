import { ArgLookup } from '../../timeline/argLookup.ts'
import { jsonEntries, unescapeJson } from '../../timeline/jsonEntries.ts'
import { sortByKey } from '../../timeline/sortByKey.ts'
import { argsText } from '../../timeline/spanArgs.ts'
import { type ArgColumns, HOLE, LITERAL } from '../../timeline/traceContent.ts'
import { sharedArray } from './columns/segmentedRows.ts'
import type { CounterRows } from './fileRows.ts'

/** Values of one series, in file order. */
export interface CounterValues {
  /** Number of (pid, name, id) in the file. */
  readonly counter: number
  readonly series: string
  /** Ascending. */
  readonly timeNs: Float64Array
  readonly value: Float64Array
}

class Growing {
  #values = new Float64Array(16)
  #count = 0

  push(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = value
  }

  get values(): Float64Array {
    return this.#values.subarray(0, this.#count)
  }
}

interface Growth {
  readonly counter: number
  readonly series: string
  readonly timeNs: Growing
  readonly value: Growing
}

const keysOfText = (text: string): string[] => [...new Set(jsonEntries(text).map(({ key }) => unescapeJson(key)))]

/** The keys of each template, or null where they hold digits and so differ by event. */
class TemplateKeys {
  readonly #templates: readonly string[]
  readonly #keys: (readonly string[] | null | undefined)[] = []

  constructor(templates: readonly string[]) {
    this.#templates = templates
  }

  of(template: number): readonly string[] | null {
    let keys = this.#keys[template]
    if (keys === undefined) {
      const found = keysOfText(this.#templates[template])
      keys = template === LITERAL || found.some((key) => key.includes(HOLE)) ? null : found
      this.#keys[template] = keys
    }
    return keys
  }
}

/** Values of one series, by time; of equal times the last one written holds. */
function inOrder({ counter, series, timeNs, value }: Growth): CounterValues {
  const times = timeNs.values.slice()
  const rows = Uint32Array.from(times, (_, row) => row)
  sortByKey(times, rows)
  const sortedTimes = sharedArray('f64', rows.length)
  const sortedValues = sharedArray('f64', rows.length)
  const unsorted = value.values
  sortedTimes.set(times)
  for (let at = 0; at < rows.length; at++) sortedValues[at] = unsorted[rows[at]]
  return { counter, series, timeNs: sortedTimes, value: sortedValues }
}

/**
 * The series of a file's counters: one for each key of the args, also where a value is a number in quotes.
 * @param onNoNumber is told of each value that is none, with its event's offset
 */
export function readCounters(
  rows: CounterRows, { templates, digits }: Pick<ArgColumns, 'templates' | 'digits'>, onNoNumber: (offset: number) => void,
): CounterValues[] {
  const { count } = rows
  const counter = rows.take('counter')
  const timeNs = rows.take('timeNs')
  const offset = rows.take('offset')
  const args: ArgColumns = { templates, digits, template: rows.take('template'), digitsAt: rows.take('digitsAt') }
  const lookup = new ArgLookup(args)
  const keysOf = new TemplateKeys(templates)
  const series = new Map<number, Map<string, Growth>>()
  for (let row = 0; row < count; row++) {
    let ofCounter = series.get(counter[row])
    if (ofCounter === undefined) series.set(counter[row], ofCounter = new Map<string, Growth>())
    const template = args.template[row]
    const keys = template === 0 ? [] : keysOf.of(template) ?? keysOfText(argsText(args, row) ?? '')
    if (keys.length === 0) onNoNumber(offset[row])
    for (const key of keys) {
      const value = lookup.number(row, key)
      if (value === null || !Number.isFinite(value)) {
        onNoNumber(offset[row])
        continue
      }
      let growth = ofCounter.get(key)
      if (growth === undefined) ofCounter.set(key, growth = { counter: counter[row], series: key, timeNs: new Growing(), value: new Growing() })
      growth.timeNs.push(timeNs[row])
      growth.value.push(value)
    }
  }
  return [...series.values()].flatMap((ofCounter) => [...ofCounter.values()].map(inOrder))
}
