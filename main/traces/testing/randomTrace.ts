import { seededRandom } from '../../../kernels/seededRandom.ts'

/** What an event of a random trace must become, in the terms of a timeline. */
export interface ExpectedSpan {
  readonly form: 'complete' | 'instant' | 'begin-end' | 'async'
  readonly name: string
  readonly startNs: number
  readonly durationNs: number
  readonly args: Readonly<Record<string, unknown>>
}

export interface RandomTrace {
  /** Its events as JSON texts, in file order, and what they must become. */
  readonly events: readonly string[]
  readonly expected: readonly ExpectedSpan[]
  /** How many arrows its flow events make. */
  readonly arrows: number
}

/** Uniform in [0, 1). */
export type Random = () => number

export const randomFrom: (seed: number) => Random = seededRandom

export const below = (random: Random, limit: number): number => Math.floor(random() * limit)
export const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]

const NAMES = [
  'flash_fwd_kernel<128, 64>(Params)', 'ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)', 'aten::mm', 'Memcpy DtoD', '',
  'quote " and \\ backslash', '{"ph":"X"}', 'control \u0003 \n \t', 'émulation 漢字 🚀', '], [ }', 'a', '123', 'C:\\traces\\run', '\u2028',
]
const CATEGORIES = ['kernel', 'cpu_op', 'cuda_runtime', 'user_annotation', 'gpu_memcpy', null] as const
const KEYS = ['External id', 'stream', 'correlation', 'Input Dims', 'grid', 'est. achieved occupancy %', 'In "msg" nelems', 'dtype', 'ts', 'ph', 'name', 'dur']
const SPACES = ['', '', '', ' ', '\n    ', '\t', '\r\n']

function anyValue(random: Random, depth: number): unknown {
  switch (below(random, depth > 2 ? 6 : 9)) {
    case 0: return below(random, 1e6)
    case 1: return -random() * 100
    case 2: return pick(random, NAMES)
    case 3: return random() < 0.5
    case 4: return null
    case 5: return pick(random, [0, 1e21, 1.5e-7, 123456789012, '0x7f3a', '[1, 64]', '4096'])
    case 6: return Array.from({ length: below(random, 4) }, () => anyValue(random, depth + 1))
    case 7: return Array.from({ length: below(random, 5) }, () => below(random, 512))
    default: return anyArgs(random, depth + 1)
  }
}

const anyArgs = (random: Random, depth = 0): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: below(random, 5) }, () => [pick(random, KEYS), anyValue(random, depth)]))

/** A string's JSON text, some characters escaped that need not be. */
function stringText(random: Random, text: string): string {
  const plain = JSON.stringify(text)
  if (random() < 0.8) return plain
  const escaped = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`
  // By code point: half of a surrogate pair has no UTF-8.
  return `"${[...text].map((char) => (random() < 0.3 || char < ' ' || char === '"' || char === '\\'
    ? Array.from({ length: char.length }, (_, at) => escaped(char.charCodeAt(at))).join('')
    : char)).join('')}"`
}

/** Integer ns as decimal µs: as a number or in quotes, with fewer or more places than needed. */
function timeText(random: Random, ns: number): string {
  const size = Math.abs(ns)
  const fraction = String(size % 1000).padStart(3, '0')
  const sign = ns < 0 ? '-' : ''
  const whole = Math.floor(size / 1000)
  const form = below(random, 5)
  const text = form === 0 && size % 1000 === 0 ? `${sign}${whole}`
    : form === 1 ? `${sign}${whole}.${fraction}${pick(random, ['0', '4', '04999', '000000'])}`
      : form === 2 && size % 1000 !== 0 ? `${sign}${whole}.${fraction.replace(/0+$/, '')}`
        : `${sign}${whole}.${fraction}`
  return random() < 0.15 ? `"${text}"` : text
}

const idText = (random: Random, id: number): string => (random() < 0.2 ? `"${id}"` : String(id))

/** An object of JSON texts: keys in any order, any white space. */
function objectText(random: Random, fields: readonly (readonly [key: string, value: string])[]): string {
  const space = (): string => pick(random, SPACES)
  const order = fields.map((field) => ({ field, at: random() }))
  if (random() < 0.5) order.sort((a, b) => a.at - b.at)
  return `{${order.map(({ field: [key, value] }) => `${space()}"${key}"${space()}:${space()}${value}${space()}`).join(',')}}`
}

/**
 * A random list of events with every phase that becomes a span, and some that do not, in ways that tools write them.
 * @param origin times start about here, in ns.
 */
export function randomTrace(random: Random, origin = 0): RandomTrace {
  const events: string[] = []
  const expected: ExpectedSpan[] = []
  let nextId = 1
  let arrows = 0
  const count = below(random, 25)
  for (let at = 0; at < count; at++) {
    const name = pick(random, NAMES)
    const startNs = origin + below(random, 2e6)
    const durationNs = random() < 0.1 ? 0 : below(random, 1e5)
    const args = random() < 0.7 ? anyArgs(random) : {}
    const cat = pick(random, CATEGORIES)
    const track: [string, string][] = [['pid', idText(random, below(random, 3))], ['tid', idText(random, below(random, 3))]]
    const more: [string, string][] = random() < 0.2 ? [['tts', '5'], ['extra', JSON.stringify(anyValue(random, 0))]] : []
    const common: [string, string][] = [
      ['name', stringText(random, name)], ...(cat === null ? [] : [['cat', `"${cat}"`] as [string, string]]), ...track, ...more,
    ]
    const withArgs: [string, string][] = Object.keys(args).length > 0 || random() < 0.1 ? [['args', JSON.stringify(args)]] : []
    const event = (ph: string, timeNs: number, fields: [string, string][]): string =>
      objectText(random, [['ph', `"${ph}"`], ['ts', timeText(random, timeNs)], ...common, ...fields])
    switch (below(random, 10)) {
      case 0:
        events.push(event(pick(random, ['i', 'I', 'R']), startNs, withArgs))
        expected.push({ form: 'instant', name, startNs, durationNs: 0, args })
        break
      case 1: {
        // A track of its own, so that nothing else is open there.
        const own = String(1000 + nextId++)
        const fields: [string, string][] = [['ph', '"B"'], ['ts', timeText(random, startNs)], ['name', stringText(random, name)], ['pid', own], ['tid', own]]
        events.push(objectText(random, [...fields, ...withArgs]))
        events.push(objectText(random, [['ph', '"E"'], ['ts', timeText(random, startNs + durationNs)], ['pid', own], ['tid', own]]))
        expected.push({ form: 'begin-end', name, startNs, durationNs, args })
        break
      }
      case 2: {
        const id: [string, string] = ['id', pick(random, [`"0x${(nextId++).toString(16)}"`, String(2 ** 40 + nextId++)])]
        events.push(event('b', startNs, [id, ...withArgs]), event('e', startNs + durationNs, [id]))
        expected.push({ form: 'async', name, startNs, durationNs, args })
        break
      }
      case 3:
        events.push(pick(random, [
          event('C', startNs, [['args', `{"bytes": ${below(random, 100)}}`]]),
          objectText(random, [['ph', '"M"'], ['name', '"thread_name"'], ...track, ['args', `{"name": ${stringText(random, name)}}`]]),
        ]))
        break
      case 4: {
        // An arrow between two spans on tracks of their own.
        const id = pick(random, [String(nextId), `"${nextId}"`])
        for (const [ph, at] of [['s', startNs], ['f', startNs + 1e6]] as const) {
          const own: [string, string][] = [['pid', '7'], ['tid', String(5000 + nextId++)], ['name', stringText(random, name)]]
          events.push(objectText(random, [['ph', '"X"'], ['ts', timeText(random, at)], ['dur', timeText(random, 10)], ...own]))
          events.push(objectText(random, [['ph', `"${ph}"`], ['bp', '"e"'], ['ts', timeText(random, at)], ['id', id], ['cat', '"ac2g"'], ...own]))
          expected.push({ form: 'complete', name, startNs: at, durationNs: 10, args: {} })
        }
        arrows++
        break
      }
      default:
        events.push(event('X', startNs, [['dur', timeText(random, durationNs)], ...withArgs]))
        expected.push({ form: 'complete', name, startNs, durationNs, args })
    }
  }
  return { events, expected, arrows }
}

const BESIDE = ['"displayTimeUnit":"ms"', '"schemaVersion": 1', '"otherData": {"a": ["]}", {"b": "\\""}], "ts": 1}', '"traceName": "C:\\\\x"']

/** The events as a whole file: array or object form, other keys before or after. */
export function fileText(random: Random, events: readonly string[]): string {
  const space = (): string => pick(random, SPACES)
  const list = `[${space()}${events.join(`${space()},${space()}`)}${space()}]`
  if (random() < 0.4) return `${space()}${list}${space()}`
  const keys = BESIDE.filter(() => random() < 0.4)
  keys.splice(below(random, keys.length + 1), 0, `"traceEvents":${space()}${list}`)
  return `{${keys.join(`,${space()}`)}${space()}}`
}
