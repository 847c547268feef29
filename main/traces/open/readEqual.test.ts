import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openTraceBytes } from './openTraces.ts'
import { DAMAGES } from '../testing/damage.ts'
import { checkMutations } from '../testing/mutationCheck.ts'
import { below, fileText, type Random, randomFrom, randomTrace } from '../testing/randomTrace.ts'
import { reportsOf, spansOf, spanTexts } from '../testing/traceOracle.ts'
import { TraceFormatError } from '../traceFormatError.ts'

const seeds = fc.nat(2 ** 31)
const FORMS = ['complete', 'instant', 'begin-end', 'async', 'unfinished'] as const

/** Splits a text into gzip members at random places. */
function gzipMembers(random: Random, text: string): Uint8Array {
  const bytes = Buffer.from(text)
  const cuts = Array.from({ length: below(random, 4) }, () => below(random, bytes.length + 1)).sort((a, b) => a - b)
  return Buffer.concat([...cuts, bytes.length].map((end, at) => gzipSync(bytes.subarray(cuts[at - 1] ?? 0, end))))
}

describe('any list of events, however it is written', () => {
  test('comes back equal, with nothing reported', async () => {
    await fc.assert(fc.asyncProperty(seeds, async (seed) => {
      const random = randomFrom(seed)
      const { events, expected, arrows } = randomTrace(random, random() < 0.5 ? 0 : 1.7e15)
      if (events.length === 0) return
      const text = fileText(random, events)
      const timeline = await openTraceBytes('t.json', random() < 0.3 ? gzipMembers(random, text) : new TextEncoder().encode(text))
      expect(spanTexts(spansOf(timeline, FORMS))).toEqual(spanTexts(expected))
      expect(timeline.trace?.flows.from).toHaveLength(arrows)
      expect(timeline.files[0].events).toBe(events.length)
      expect(reportsOf(timeline)).toEqual([])
    }), { numRuns: 400 })
  })
})

describe('any list of events in a damaged file', () => {
  test.each(Object.keys(DAMAGES))('%s: what is whole comes back, and every loss is reported', async (damage) => {
    await fc.assert(fc.asyncProperty(seeds, async (seed) => {
      const random = randomFrom(seed)
      const { events, expected } = randomTrace(random)
      const text = DAMAGES[damage](random, events)
      let reports: readonly string[]
      let found: string[]
      try {
        const timeline = await openTraceBytes('t.json', new TextEncoder().encode(text))
        reports = reportsOf(timeline)
        found = spansOf(timeline, ['complete', 'instant']).map(({ form, name, durationNs, args }) => JSON.stringify([form, name, durationNs, args]))
      } catch (error) {
        expect(error).toBeInstanceOf(TraceFormatError)
        return
      }
      const left = new Map<string, number>()
      for (const span of found) left.set(span, (left.get(span) ?? 0) + 1)
      const lost = expected.filter(({ form, name, durationNs, args }) => {
        if (form !== 'complete' && form !== 'instant') return false
        const key = JSON.stringify([form, name, durationNs, args])
        const count = left.get(key) ?? 0
        left.set(key, count - 1)
        return count <= 0
      })
      if (lost.length > 0) expect(reports).not.toEqual([])
      // Only a file that ends early may lose whole events without naming each.
      if (damage !== 'cut off anywhere' && damage !== 'a quote that is not escaped') expect(lost).toEqual([])
    }), { numRuns: 120 })
  })
})

describe('mutated files', () => {
  test('valid JSON is read as JSON.parse reads it; in anything else something is reported or the file is refused', async () => {
    const { inputs, problems } = await checkMutations({ seed: 1, inputs: 4000 })
    expect(inputs).toBe(4000)
    expect(problems).toEqual([])
  })
})
