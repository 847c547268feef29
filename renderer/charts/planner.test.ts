import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ANSWERS, candidate, published } from '../stores/testPlannerData.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { renderSvg, titleLines } from './exportChart.ts'
import { candidatesPicture, drawnCandidates, layoutsPicture } from './plannerBars.ts'
import { candidatesFinding, isArrangementOf, layoutsFinding, memoryFinding, publishedFinding, spanFinding, wireFinding } from './plannerFindings.ts'
import { hidingOf, leastTokens, linkAt, linksHeight, linksOption, linksPicture } from './plannerLinks.ts'
import { memoryHeight, memoryOption, memoryPicture, memoryPointAt } from './plannerMemory.ts'
import { spread } from './labelHeights.ts'
import { binaryTicks, logScaleOver, logTicks, shareOf } from './logScale.ts'
import { stackedBarsOption } from './stackedBars.ts'

const TOKENS: ChartTokens = {
  background: '#ffffff', panel: '#f6f7f9', text: '#111111', muted: '#555555', faint: '#777777', border: '#cccccc', gridLine: '#eeeeee', band: '#f3f3f3',
  accent: '#4353cf', hatch: '#999999', hatchBackground: '#eeeeee', rampLow: '#ffffff', rampHigh: '#000000', font: 'sans-serif',
}

describe('a logarithmic axis', () => {
  it('holds every value, has ticks within and takes nothing that is not positive', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 1e-6, max: 1e15, noNaN: true }), { minLength: 1 }), (values) => {
      const scale = logScaleOver([...values, 0, null, Number.POSITIVE_INFINITY])
      for (const value of values) expect(shareOf(scale, value)).toBeGreaterThan(0)
      for (const value of values) expect(shareOf(scale, value)).toBeLessThan(1)
      const ticks = logTicks(scale)
      expect(ticks.length).toBeLessThanOrEqual(9)
      for (const tick of ticks) expect(tick >= scale.low * 0.999 && tick <= scale.high * 1.001).toBe(true)
    }))
  })
  it('counts in 1, 2 and 5 where it is short', () => {
    expect(logTicks({ low: 0.9, high: 30 })).toEqual([1, 2, 5, 10, 20])
    expect(logTicks({ low: 0.9, high: 2000 })).toEqual([1, 10, 100, 1000])
    expect(logScaleOver([])).toEqual({ low: 0.3, high: 3 })
  })
  it('of bytes counts in powers of two, few of them', () => {
    expect(binaryTicks({ low: 3, high: 40 })).toEqual([4, 8, 16, 32])
    expect(binaryTicks({ low: 2 ** 20 - 1, high: 2 ** 37 }).map(Math.log2)).toEqual([21, 24, 27, 30, 33, 36])
  })
})

describe('an exported chart', () => {
  it('has its whole title, in as many lines as its width takes', () => {
    expect(titleLines('Rank 0 idles 47 % waiting for rank 7', 160)).toEqual(['Rank 0 idles 47 %', 'waiting for rank 7'])
    expect(titleLines('Rank 0 idles', 600)).toEqual(['Rank 0 idles'])
    const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 })
    fc.assert(fc.property(words, fc.integer({ min: 0, max: 2000 }), (title, width) => {
      expect(titleLines(title.join(' '), width).join(' ')).toBe(title.join(' '))
    }))
  })
})

describe('links', () => {
  const picture = linksPicture(ANSWERS)
  it('stand fastest first, told apart by whether both passes hide', () => {
    expect(picture.links.map((link) => [link.id, hidingOf(link)])).toEqual([['nv3', 'hidden'], ['ib', 'part'], ['eth', 'exposed']])
    expect(hidingOf({ hides: { forward: true, backward: null } })).toBe('hidden')
    expect(hidingOf({ hides: { forward: false, backward: null } })).toBe('exposed')
  })
  it('have the needed bandwidth among them', () => {
    expect(shareOf(picture.scale, 38)).toBeGreaterThan(shareOf(picture.scale, 25))
    expect(shareOf(picture.scale, 38)).toBeLessThan(shareOf(picture.scale, 300))
  })
  it('are found by the pointer\'s height', () => {
    const height = linksHeight(picture)
    expect([height - 5, height - 40, 10, height].map((y) => linkAt(picture, y))).toEqual([2, 0, null, null])
  })
  it('say from how many tokens they hide', () => {
    expect([520.2, 124_800, Number.POSITIVE_INFINITY, null].map(leastTokens)).toEqual(['521', '125 k', 'never', ''])
  })
  it('are drawn with their names, both lines and a shape each, and exported so', () => {
    const svg = renderSvg({ title: 'Links', option: linksOption(picture, TOKENS), size: { width: 600, height: linksHeight(picture) }, legend: [] }, TOKENS)
    for (const text of ['nv3 link', 'eth link', 'forward needs 38.0 GB/s', 'backward needs 20.0 GB/s', '6240']) expect(svg).toContain(text)
  })
  it('give a sentence about the chosen ones', () => {
    expect(wireFinding(ANSWERS)).toBe('4096 tokens a device: nv3 link hides the wire, ib link hides it backward only (takes 6240)')
    const [nv3, , eth] = ANSWERS.links
    expect(wireFinding({ ...ANSWERS, links: [{ ...eth, chosen: 'intra' }] })).toBe('4096 tokens a device: eth link does not hide it (takes 125 k)')
    expect(wireFinding({ ...ANSWERS, links: [{ ...eth, bandwidthGBps: 1e6, chosen: 'intra' }] })).toMatch(/eth link does not hide it for its latency \(takes/)
    expect(wireFinding({ ...ANSWERS, links: [nv3, { ...nv3, chosen: 'inter' }] }))
      .toBe('4096 tokens a device: nv3 link within a node hides the wire, nv3 link between nodes hides the wire')
    expect(wireFinding({ ...ANSWERS, links: [] })).toMatch(/need 38\.0 GB\/s; the chosen links take no time/)
    expect(wireFinding({ ...ANSWERS, neededGBps: { forward: 0, backward: null } })).toMatch(/nothing travels/)
  })
})

describe('idle by layout', () => {
  it('is a bar counting pairs and one counting tiles, as long as the iteration against contiguous', () => {
    const { bars } = layoutsPicture(ANSWERS.layouts)
    expect(bars.map(({ label, note }) => [label, note])).toEqual([
      ['contiguous', '46.7 % idle, 1.00x'], ['in tiles', '46.0 % idle, 1.00x'], ['zigzag', '0 % idle, 1.87x'], ['in tiles', '2.00 % idle, 1.80x'],
    ])
    expect(bars[3].parts.reduce((sum, { length }) => sum + length, 0)).toBeCloseTo(1 / 1.8)
  })
  it('has no bar in tiles where they are too many to count', () => {
    expect(layoutsPicture([{ ...ANSWERS.layouts[1], tileIdleFraction: null, tileSpeedupOverContiguous: null }]).bars.map(({ label }) => label)).toEqual(['zigzag'])
  })
  it('gives a sentence', () => {
    expect(layoutsFinding(ANSWERS.layouts)).toBe('Contiguous leaves ranks idle 46.7 % of the time; zigzag is 1.80x as fast in whole tiles')
    expect(layoutsFinding(ANSWERS.layouts.slice(0, 1))).toMatch(/no layout is faster/)
    expect(layoutsFinding([])).toBe('No layout to compare')
  })
})

describe('arrangements', () => {
  it('are bars of their makespan, whose idle part is hatched', () => {
    const { bars } = candidatesPicture(ANSWERS.candidates)
    expect(bars[0]).toEqual({ label: 'double ring in windows of 8, zigzag', note: '2.00x', tick: null, parts: [{ length: 3, colour: '#0072B2' }, { length: 1, colour: null }] })
  })
  it('mark fewer places of their scale where the plot is narrow, so that these do not touch', () => {
    const marksAt = (width: number): string[] => {
      const option = stackedBarsOption(candidatesPicture(ANSWERS.candidates), TOKENS)
      return renderSvg({ title: '', option, size: { width, height: 200 }, legend: [] }, TOKENS).match(/(?<=>)(0|\d\.\d\d ms)(?=<)/g) ?? []
    }
    expect([700, 450, 400].map(marksAt)).toEqual([['0', '2.00 ms', '4.00 ms', '6.00 ms', '8.00 ms'], ['0', '4.00 ms', '8.00 ms'], ['0', '8.00 ms']])
  })
  it('that are many are drawn as the fastest and the contiguous ring', () => {
    const many = Array.from({ length: 30 }, (_, at) => candidate(`ring ${at}`, 1 + at, at === 29 ? { layout: 'contiguous' } : {}))
    const drawn = drawnCandidates(many)
    expect([drawn.length, drawn[0].label, drawn.at(-1)?.label]).toEqual([16, 'ring 0', 'ring 29'])
    expect(drawnCandidates(ANSWERS.candidates)).toHaveLength(3)
  })
  it('give a sentence: the best, the runner-up and the margin', () => {
    expect(candidatesFinding(ANSWERS, 64)).toBe('Double ring in windows of 8, zigzag is fastest on 64 devices: 4.00 ms, 2.00x the contiguous ring; zigzag ring takes 25.0 % longer')
    expect(candidatesFinding({ candidates: [candidate('zigzag ring', 4, {}, { fits: false })], margin: null }, 1))
      .toBe('Zigzag ring is fastest on one device: 4.00 ms, 2.00x the contiguous ring, but does not fit in memory')
    expect(candidatesFinding({ ...ANSWERS, margin: 0 }, 8)).toMatch(/; zigzag ring is as fast$/)
    expect(candidatesFinding({ candidates: [], margin: null }, 8)).toMatch(/^No arrangement/)
    expect(spanFinding(ANSWERS.candidates)).toBe('From 4.00 ms to 8.00 ms: the slowest of 3 is the contiguous ring')
  })
  it('are the user\'s own where algorithm, layout and what goes with the algorithm agree', () => {
    const double = candidate('', 1, { algorithm: 'double-ring', window: 4 })
    expect([{ window: 4 }, { window: 2 }].map((change) => isArrangementOf(double, { algorithm: 'double-ring', layout: 'zigzag', ...change }))).toEqual([true, false])
    expect(isArrangementOf(candidate('', 1), { algorithm: 'ring', layout: 'zigzag', window: 7 })).toBe(true)
  })
})

describe('memory', () => {
  const picture = memoryPicture(ANSWERS, 64)
  it('has a line for each part that the question has, and the device\'s own within the axis', () => {
    expect(picture.lines.map(({ key }) => key)).toEqual(['totalBytes', 'attentionBytes', 'weightBytes', 'activationBytes'])
    expect(picture.bytes.high).toBeGreaterThan(1.14e11)
    const alone = memoryPicture({ ...ANSWERS, memory: ANSWERS.memory.map((point) => ({ ...point, weightBytes: null, activationBytes: null, longestContextTokens: null })) }, 64)
    expect([alone.lines.map(({ key }) => key), alone.hasContext]).toEqual([['attentionBytes'], false])
    expect(memoryHeight(alone)).toBeLessThan(memoryHeight(picture))
  })
  it('is found by the nearest number of devices', () => {
    expect([100, 500, 20, 599].map((x) => memoryPointAt(picture, 600, x))).toEqual([0, 1, null, null])
  })
  it('keeps labels apart in their order', () => {
    expect(spread([10, 12, 50, 11], 12)).toEqual([10, 34, 50, 22])
  })
  it('is drawn with the device\'s memory and the longest context, and exported so', () => {
    const svg = renderSvg({ title: 'Memory', option: memoryOption(picture, TOKENS), size: { width: 600, height: memoryHeight(picture) }, legend: [] }, TOKENS)
    for (const text of ['device 74.5 GiB', 'weights', 'longest context, tokens', 'devices']) expect(svg).toContain(text)
  })
  it('gives a sentence', () => {
    expect(memoryFinding(ANSWERS, 64, 'M 8B')).toBe('M 8B takes 29.3 GiB of 74.5 GiB on each of 64 devices; its longest context there is 1.60 M tokens')
    expect(memoryFinding(ANSWERS, 8, null)).toMatch(/^Attention would need 106 GiB of 74\.5 GiB on each of 8 devices/)
    expect(memoryFinding(ANSWERS, 7, null)).toBe('Memory of a device')
  })
})

describe('published figures', () => {
  it('are judged by the measurements that nothing was fitted to', () => {
    expect(publishedFinding([
      published({}), published({ published: 100, ours: 90, difference: -10 }), published({ published: 10, ours: 10.1, difference: 0.1 }),
      published({ role: 'calibration', difference: 0 }), published({ kind: 'claim', published: 150, ours: 2.5, difference: -147.5 }),
    ])).toBe('3 published measurements predicted: half within 5.00 %, all within 10.0 %; 1 claim of the source documents beside them')
    expect(publishedFinding([published({ kind: 'formula' })])).toBe('1 published figures beside ours')
  })
})
