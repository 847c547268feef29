import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newRankSpans, rankFigures } from '../analysis/ringFigures.ts'
import { Coverage } from './coverage.ts'

test('lengths are those that an analysis of all intervals together finds, in whatever order they come', () => {
  const lengths = fc.array(fc.tuple(fc.nat(20), fc.nat(30)), { maxLength: 300 })
  const comm = fc.array(fc.tuple(fc.nat(3000), fc.nat(200)), { maxLength: 300 })
  fc.assert(fc.property(lengths, comm, fc.nat(400), (compute, transfers, early) => {
    const coverage = new Coverage()
    const spans = newRankSpans()
    const events: { readonly at: number; readonly add: (knownNs: number) => void }[] = []
    let time = 0
    for (const [gap, length] of compute) {
      const [start, end] = [time + gap, time + gap + length]
      time = end
      spans.groups.compute.add(start, end)
      events.push({ at: start, add: (knownNs) => { coverage.addCompute(start, end, knownNs) } })
    }
    for (const [index, [start, length]] of transfers.entries()) {
      spans.groups[index % 2 === 0 ? 'send' : 'recv'].add(start, start + length)
      // A transfer is known some time before it begins.
      events.push({ at: start - (index * 37) % (early + 1), add: (knownNs) => { coverage.addComm(start, start + length, knownNs) } })
    }
    for (const { at, add } of events.sort((a, b) => a.at - b.at)) add(Math.max(0, at))
    coverage.countUntil(Number.POSITIVE_INFINITY)
    const { computeNs, commNs, overlapNs } = rankFigures(0, spans, { startNs: 0, endNs: 1e6 })
    expect([coverage.computeNs, coverage.commNs, coverage.overlapNs]).toEqual([computeNs, commNs, overlapNs])
  }))
})
