import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ringCellOf, ringReport, progressOf, limits, ROOFLINE, tileCell, tileReport } from '../stores/testSweepData.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { ringTable, tileTable } from '../components/sweep/tables.ts'
import { linearAxis, plainNumber, valuesAxis } from './curveAxes.ts'
import { cellNear, curvesOption } from './curves.ts'
import { renderSvg } from './exportChart.ts'
import { machineFinding, rooflinePicture } from './roofline.ts'
import { axisCurves, cacheGuides, tileCurves, WORKING_SET } from './sweepCurves.ts'
import { limitFinding, predictionFinding, progressLine, reusedLine, ringFinding, rooflineFinding, tileFinding, timeLeft } from './sweepFindings.ts'
import { sweepPicture } from './sweepMap.ts'
import { firstRingAxis, makespanCurves, overlapCurves, ringAxis, ringLine, stepCurves, thresholdOf } from './sweepRings.ts'
import { bestCell, gridOf, inSlice, predictedTile, slicedAxes, sliceOf } from './sweepSlices.ts'

const TOKENS = {
  background: '#ffffff', panel: '#ffffff', text: '#000000', muted: '#555555', faint: '#777777', border: '#cccccc', gridLine: '#eeeeee', band: '#f3f4f7',
  accent: '#4353cf', hatch: '#999999', hatchBackground: '#eeeeee', rampLow: '#eef2fa', rampHigh: '#17487f', font: 'sans-serif',
} as unknown as ChartTokens

const CELLS = [tileCell(32, 64, 30), tileCell(64, 64, 40), tileCell(64, 128, 39, { fitsL2: false })]
const MARKS = { best: CELLS[1], predicted: CELLS[0] }

describe('map of tiles', () => {
  it('marks the best and the predicted differently and what exceeds L2, and hatches what is not measured yet', () => {
    const { cells } = sweepPicture({ blockQ: [32, 64], blockK: [64, 128] }, CELLS, MARKS)
    expect(cells.map(({ badge, outline, share }) => [badge, outline, share === null])).toEqual([
      ['predicted', 'accent', false], [undefined, undefined, true], ['best', 'strong', false], [undefined, 'dashed', false],
    ])
  })

  it('says which results are wrong or still vary', () => {
    const [cell] = sweepPicture({ blockQ: [32], blockK: [64] }, [tileCell(32, 64, 30, { passed: false, noisy: true })], { best: null, predicted: null }).cells
    expect(cell.badge).toBe('wrong, noisy')
  })

  it('has a place for every tile that a sweep under way is to measure, and for those alone that it measured once it is over', () => {
    const { axes } = progressOf()
    expect(gridOf([CELLS[0]], axes, false)).toEqual({ blockQ: [32, 64], blockK: [64, 128] })
    expect(gridOf([CELLS[0]], axes, true)).toEqual({ blockQ: [32], blockK: [64] })
  })
})

describe('slices', () => {
  const axes = [{ path: 'blockQ', values: [32, 64] }, { path: 'headDim', values: [32, 64] }]
  it('are of the axes that are not drawn, mended where a new sweep has other values', () => {
    expect(slicedAxes(axes).map(({ path }) => path)).toEqual(['headDim'])
    expect(sliceOf(slicedAxes(axes), { headDim: 64, heads: 3 })).toEqual({ headDim: 64 })
    expect(sliceOf(slicedAxes(axes), { headDim: 128 })).toEqual({ headDim: 32 })
    expect(inSlice(tileCell(32, 64, 1, { values: { headDim: 64 } }), { headDim: 64 })).toBe(true)
    expect(inSlice(tileCell(32, 64, 1, { values: { headDim: 64 } }), { headDim: 32 })).toBe(false)
  })

  it('have a best cell whose result is right, where there is one', () => {
    const wrong = tileCell(128, 128, 90, { passed: false })
    expect(bestCell([...CELLS, wrong])).toBe(CELLS[1])
    expect(bestCell([wrong])).toBe(wrong)
    expect(bestCell([])).toBeNull()
  })

  it('take the report\'s prediction where it lies in them, measured or not, else the cells\' own, where all have one', () => {
    const predictedBest = { blockQ: 512, blockK: 64, values: {}, speedOfBest: null }
    expect(predictedTile(CELLS, {}, tileReport(CELLS, { predictedBest }))).toBe(predictedBest)
    const values = { headDim: 32 }
    const limited = [tileCell(32, 64, 30, { values, limits: limits({ predictedMs: 0.8 }) }), tileCell(64, 64, 40, { values, limits: limits({ predictedMs: 1 }) })]
    const elsewhere = { ...predictedBest, values: { headDim: 64 } }
    expect(predictedTile(limited, values, tileReport(limited, { predictedBest: elsewhere }))).toBe(limited[1])
    expect(predictedTile([tileCell(32, 64, 30, { values })], values, tileReport(CELLS, { predictedBest: elsewhere }))).toBeNull()
    expect(predictedTile(limited, values, tileReport(limited))).toBeNull()
  })

  it('predict nothing while a sweep goes on: the expected tile may not have been measured', () => {
    expect(predictedTile([tileCell(32, 64, 30, { limits: limits() })], {}, null)).toBeNull()
  })
})

describe('curves of tiles', () => {
  it('are one per key block over the query block, and hollow beyond L2', () => {
    const { curves, x } = tileCurves(CELLS, MARKS, null, 'blockQ')
    expect(curves.map(({ id, points }) => [id, points.map((point) => [point.x, point.y, point.hollow, point.emphasis])])).toEqual([
      ['key block 64', [[32, 30, false, 'predicted'], [64, 40, false, 'measured']]], ['key block 128', [[64, 39, true, undefined]]],
    ])
    expect([x.kind, x.title]).toEqual(['log', 'query block'])
    expect(tileCurves(CELLS, MARKS, null, 'blockK').curves.map(({ id }) => id)).toEqual(['query block 32', 'query block 64'])
  })

  it('over the working set have lines where the caches end, as far as they are near', () => {
    const machine = { l1d: 8 << 10, l2: 64 << 10, l3: 1 << 30 }
    expect(cacheGuides(machine, CELLS).map(({ label }) => label)).toEqual(['L1 8.00 KiB', 'L2 64.0 KiB'])
    expect(cacheGuides({ l1d: null, l2: null, l3: null }, CELLS)).toEqual([])
    const { x, guides } = tileCurves(CELLS, MARKS, machine, WORKING_SET)
    expect(guides.every(({ at }) => at >= x.low && at <= x.high)).toBe(true)
  })

  it('over a further axis are the fastest and the predicted tile of each value', () => {
    const cells = [32, 64].flatMap((headDim) => [
      tileCell(32, 64, headDim, { values: { headDim }, limits: limits({ predictedMs: 0.5 }) }), tileCell(64, 64, headDim + 5, { values: { headDim }, limits: limits({ predictedMs: 1 }) }),
    ])
    const { curves } = axisCurves(cells, 'headDim', tileReport(cells, { predictedBest: { blockQ: 64, blockK: 64, values: { headDim: 64 }, speedOfBest: 1 } }))
    expect(curves.map(({ id, points }) => [id, points.map(({ x, y, cell }) => [x, y, cell])])).toEqual([
      ['best', [[32, 37, 1], [64, 69, 3]]], ['predicted', [[32, 32, 0], [64, 69, 3]]],
    ])
  })
})

describe('the roofline', () => {
  const cells = [tileCell(32, 64, 30, { limits: limits({ trafficBytes: 3e6 }) }), tileCell(64, 64, 8, { limits: limits({ limitedBy: 'cache', cacheShare: 0.7, arithmeticShare: 0.2, servedBy: 'memory', gbps: 10, trafficBytes: 1.28e9 }) })]
  it('has every roof end at the peak, at as many operations per byte as feed it', () => {
    const { curves, guides } = rooflinePicture(ROOFLINE, [], { best: null, predicted: null })
    expect(guides.map(({ at }) => at)).toEqual([50 / 200, 50 / 80, 50 / 25, 5])
    for (const { id, points } of curves.filter((curve) => curve.id !== 'peak')) {
      expect(points.at(-1)?.y, id).toBe(50)
      expect(points[0].y / points[0].x, id).toBeCloseTo(ROOFLINE.levels.find(({ level }) => level === id)?.gbps ?? Number.NaN)
    }
  })

  it('places cells at the operations per byte of what limits them', () => {
    const dots = rooflinePicture(ROOFLINE, cells, { best: cells[0], predicted: null }).curves.filter(({ scattered }) => scattered)
    expect(dots.map(({ id, points }) => [id, points.map((point) => [point.x, point.y, point.cell, point.emphasis])])).toEqual([
      ['cache', [[0.00625, 8, 1, undefined]]], ['arithmetic', [[10, 30, 0, 'measured']]],
    ])
  })

  it('says why tiles are as fast as they are', () => {
    expect(limitFinding(limits({ limitedBy: 'cache', cacheShare: 0.7, servedBy: 'memory', gbps: 9, trafficBytes: 1.2 * 2 ** 30 }))).toBe('limited by cache (70.0 %): 1.20 GiB from memory at 9.00 GB/s')
    expect(rooflineFinding(cells, 50)).toBe('32 x 64 reaches 60.0 % of the multiply-add peak; limited: 1 of 2 by cache, 1 of 2 by arithmetic')
    expect(rooflineFinding([cells[0]], 50)).toBe('32 x 64 reaches 60.0 % of the multiply-add peak; all tiles are limited by arithmetic')
    expect(rooflineFinding([tileCell(1, 1, 1)], 50)).toBe('No roofline of these cells')
    expect(machineFinding(ROOFLINE)).toBe('One core reaches 50.0 GFLOP/s where it computes at least 5.00 operations on each byte from memory')
  })
})

describe('curves of rings', () => {
  const cells = [ringCellOf(512), ringCellOf(128), ringCellOf(256)]
  const { hideThreshold } = ringReport(cells)
  it('are over the tokens per rank, with the threshold measured and predicted', () => {
    const axis = ringAxis('seqLen')
    const line = ringLine(cells, {}, axis)
    const picture = stepCurves(line, axis, hideThreshold)
    expect(picture.curves.map(({ id, points }) => [id, points.map(({ x }) => x)])).toEqual([['compute', [128, 256, 512]], ['hop', [128, 256, 512]]])
    expect(picture.guides.map(({ at, look }) => [at, look])).toEqual([[256, 'measured'], [190, 'predicted']])
  })

  it('make room for a predicted threshold beside what was measured, and leave out one far from it', () => {
    const axis = ringAxis('seqLen')
    const near = stepCurves(ringLine(cells, {}, axis), axis, { measuredShardTokens: null, predictedShardTokens: 40 })
    expect([near.guides.length, near.x.low < 40]).toEqual([1, true])
    expect(stepCurves(ringLine(cells, {}, axis), axis, { measuredShardTokens: null, predictedShardTokens: 1e6 }).guides).toEqual([])
  })

  it('over another axis have no threshold, and leave out figures that there are none of', () => {
    const axis = ringAxis('link.latencyUs')
    const line = [0, 5].map((latency) => ringCellOf(128, { values: { 'link.latencyUs': latency }, hopMs: null, overlapRatio: null, predictedMs: null, exposedMs: 0 }))
    expect([stepCurves(line, axis, hideThreshold).guides, stepCurves(line, axis, null).x.kind]).toEqual([[], 'linear'])
    expect(makespanCurves(line, axis, null).curves.map(({ id }) => id)).toEqual(['measured'])
    expect(overlapCurves(line, axis, null).curves.map(({ id }) => id)).toEqual(['idle'])
  })

  it('with further axes have each a threshold of their own, from which on every longer shard hides its hops', () => {
    const axis = ringAxis('seqLen')
    const report = ringReport(cells)
    const axes = [...report.axes, { path: 'heads', values: [4, 8] }]
    const line = (...hidden: boolean[]) => hidden.map((each, at) => ringCellOf(128 * 2 ** at, { hidden: each }))
    const measured = (...hidden: boolean[]) => thresholdOf(line(...hidden), axis, axes, report)
    expect(measured(false, true, true)).toEqual({ measuredShardTokens: 256, predictedShardTokens: null })
    expect(measured(true, false, true)?.measuredShardTokens).toBe(512)
    expect(measured(true, true, false)?.measuredShardTokens).toBeNull()
    expect(thresholdOf(line(false, true), axis, report.axes, report)).toBe(report.hideThreshold)
    expect(thresholdOf(line(true), axis, axes, report)).toBeNull()
    expect(thresholdOf(line(false, true), ringAxis('heads'), axes, report)).toBeNull()
  })

  it('are drawn at first over sequences where they vary, else over the longest axis', () => {
    expect(firstRingAxis([{ path: 'heads', values: [1, 2, 4] }, { path: 'seqLen', values: [1, 2] }])).toBe('seqLen')
    expect(firstRingAxis([{ path: 'heads', values: [1, 2, 4] }, { path: 'seqLen', values: [1] }])).toBe('heads')
    expect(firstRingAxis([])).toBe('')
  })
})

describe('findings', () => {
  it('say how good the prediction of a tile was', () => {
    expect(tileFinding(CELLS, MARKS)).toBe('64 x 64 is fastest at 40.0 GFLOP/s; predicted 32 x 64 reaches 75.0 % of it')
    expect(tileFinding(CELLS.slice(1), MARKS)).toMatch(/; predicted 32 x 64 was not measured$/)
    expect(tileFinding(CELLS, { best: CELLS[1], predicted: CELLS[1] })).toMatch(/, as predicted$/)
    expect(tileFinding(CELLS, { best: CELLS[1], predicted: null })).toMatch(/at 40.0 GFLOP\/s$/)
    expect(tileFinding([], { best: null, predicted: null })).toBe('Nothing is measured yet')
  })

  it('say from where on hops hide', () => {
    const report = ringReport([ringCellOf(128)])
    const threshold = { measuredShardTokens: 256, predictedShardTokens: 190 }
    expect(ringFinding(report, threshold, {})).toBe('Hops hide behind compute from 256 tokens per rank; the formula says 190')
    expect(ringFinding(report, { ...threshold, measuredShardTokens: null }, {})).toMatch(/^No shard of this sweep/)
    expect(ringFinding(report, { ...threshold, predictedShardTokens: null }, { heads: 8 })).toBe('heads 8: hops hide behind compute from 256 tokens per rank')
    expect(ringFinding(report, null, {})).toBe('seqLen 512 is fastest: 40.0 k tokens/s')
    expect(predictionFinding([ringCellOf(128), ringCellOf(256, { predictedMs: 25.6 * 0.9 })])).toBe('Predicted makespans are within 10.0 % of the measured ones')
    expect(predictionFinding([ringCellOf(128, { predictedMs: null })])).toBeNull()
  })

  it('say how far a sweep is', () => {
    expect(progressLine(progressOf())).toBe('3 of 10 measurements, 7 s left')
    expect(progressLine(progressOf({ paused: true }))).toBe('Paused, 3 of 10 measurements')
    expect(progressLine(progressOf({ secondsLeft: null }))).toBe('3 of 10 measurements')
    expect([0.2, 59.4, 125, 3725].map(timeLeft)).toEqual(['1 s left', '59 s left', '2 min 5 s left', '1 h 2 min left'])
    expect(reusedLine([{ reused: true }, { reused: false }])).toBe('1 of 2 cells reused from earlier sweeps')
    expect(reusedLine([{ reused: false }])).toBeNull()
  })
})

describe('a chart of curves', () => {
  const picture = tileCurves(CELLS, MARKS, { l1d: 8 << 10, l2: 64 << 10, l3: null }, WORKING_SET)
  it('finds the cell under the pointer, and none far from all', () => {
    const size = { width: 600, height: 300 }
    const found = new Set<number | null>()
    for (let x = 0; x < size.width; x += 4) for (let y = 0; y < size.height; y += 4) found.add(cellNear(picture, size, x, y))
    expect([...found].sort()).toEqual([0, 1, 2, null])
    expect(cellNear(picture, size, 0, 0)).toBeNull()
  })

  it('is exported as a drawing with its lines named', () => {
    const svg = renderSvg({ title: 'T', option: curvesOption(picture, TOKENS), size: { width: 600, height: 300 }, legend: [] }, TOKENS)
    for (const text of ['L1 8.00 KiB', 'L2 64.0 KiB', 'GFLOP/s', 'working set of a tile']) expect(svg, text).toContain(text)
  })
})

describe('axes of curves', () => {
  it('hold all values between evenly spaced round ticks', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 9 }), (values) => {
      const { high, ticks } = linearAxis(values, '')
      expect(high).toBeGreaterThanOrEqual(Math.max(...values))
      expect(ticks.length).toBeLessThanOrEqual(8)
      expect(ticks[ticks.length - 1].at / high).toBeCloseTo(1, 9)
    }))
  })

  it('begin above 0 only where they may and all values are large', () => {
    expect(linearAxis([80, 100], '').low).toBe(0)
    expect(linearAxis([80, 100], '', { cut: true })).toMatchObject({ low: 80, high: 105 })
    expect(linearAxis([10, 100], '', { cut: true }).low).toBe(0)
  })

  it('of measured values have a tick at each, and are linear where one of them is 0', () => {
    expect(valuesAxis([64, 32, 64], '').ticks.map(({ label }) => label)).toEqual(['32', '64'])
    expect(valuesAxis([0, 5], '').kind).toBe('linear')
    expect(valuesAxis([5], '').kind).toBe('log')
    expect([plainNumber(0.25), plainNumber(65536)]).toEqual(['0.25', '65536'])
  })
})

describe('tables of cells', () => {
  it('have a column for every further axis, and a row for every cell', () => {
    const tiles = tileTable([tileCell(32, 64, 30, { values: { headDim: 64 }, limits: limits() }), tileCell(64, 64, 40, { values: { headDim: 64 } })])
    expect(tiles.header.slice(0, 4)).toEqual(['blockQ', 'blockK', 'headDim', 'gflops'])
    const rings = ringTable([ringCellOf(128)])
    expect(rings.header[0]).toBe('seqLen')
    for (const { header, rows } of [tiles, rings]) for (const row of rows) expect(row).toHaveLength(header.length)
  })
})
