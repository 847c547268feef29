import { below, fileText, pick, type Random } from './randomTrace.ts'

const RAW_CONTROL = '\u0002'

/** Ways in which real files are broken. Each takes the events' texts and gives a file's text. */
export const DAMAGES: Readonly<Record<string, (random: Random, events: readonly string[]) => string>> = {
  'cut off anywhere': (random, events) => {
    const text = fileText(random, events)
    return text.slice(0, below(random, text.length + 1))
  },
  'array never closed': (_, events) => `[\n${events.join(',\n')}\n`,
  'every line ends in a comma': (_, events) => `[\n${events.map((event) => `${event},\n`).join('')}`,
  'trailing comma': (_, events) => `{"traceEvents":[${events.join(',')},]}`,
  'final empty event': (random, events) => fileText(random, [...events, '{}']),
  'commas missing': (random, events) => `[${events.join(pick(random, [' ', '\n', '']))}]`,
  'commas doubled': (_, events) => `[${events.join(',,')}]`,
  'byte order mark': (random, events) => `\uFEFF${fileText(random, events)}`,
  'text after the end': (random, events) => `${fileText(random, events)}${pick(random, ['\n]', 'garbage', '{}', '\u0000'])}`,
  'an event that is not JSON': (random, events) => {
    const at = below(random, events.length + 1)
    return fileText(random, [...events.slice(0, at), '{"ph":"X","name":"bad","ts":1,"dur":1,"pid":1,"tid":1,"args":{"datatype": ncclFloat32 x}}', ...events.slice(at)])
  },
  'a quote that is not escaped': (random, events) => {
    const at = below(random, events.length + 1)
    return fileText(random, [...events.slice(0, at), '{"ph":"X","name":"say "hi","ts":1,"dur":1,"pid":1,"tid":1}', ...events.slice(at)])
  },
  'raw control characters': (random, events) => {
    const at = below(random, events.length + 1)
    return fileText(random, [...events.slice(0, at), `{"ph":"X","name":"raw${RAW_CONTROL}name","ts":1,"dur":1,"pid":1,"tid":1,"args":{"a${RAW_CONTROL}":"b"}}`, ...events.slice(at)])
  },
}

const STRUCTURE = ['{', '}', '[', ']', '"', ',', ':', '\\', '0', 'e', '-', '.', ' ', '\u0000', '\u0001', 'ÿ', '"ph":"X"', '"args":{', 'traceEvents', '\n', '{}', 'null', '\\u12']

/** A few random edits of bytes: flips, insertions of what has meaning, deletions, copies of other parts. */
export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  let mutated: Buffer = Buffer.from(bytes)
  const edits = 1 + below(random, 4)
  for (let edit = 0; edit < edits; edit++) {
    const at = below(random, mutated.length + 1)
    const length = below(random, random() < 0.8 ? 4 : 200)
    const insert = (text: Uint8Array): Buffer => Buffer.concat([mutated.subarray(0, at), text, mutated.subarray(at)])
    switch (below(random, 5)) {
      case 0:
        if (at < mutated.length) mutated[at] ^= 1 << below(random, 8)
        break
      case 1: mutated = insert(Buffer.from(pick(random, STRUCTURE))); break
      case 2: mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + length)]); break
      case 3: {
        const from = below(random, mutated.length + 1)
        mutated = insert(Buffer.from(mutated.subarray(from, from + length)))
        break
      }
      default: mutated = Buffer.from(mutated.subarray(0, random() < 0.3 ? at : mutated.length))
    }
  }
  return mutated
}
