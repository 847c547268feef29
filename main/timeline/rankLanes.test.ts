import { describe, expect, test } from 'vitest'
import { CATEGORY_CODE, CHANNELS, laneOf, RANK_LANES } from '../../kernels/timeline/categories.ts'
import type { Traffic } from '../../kernels/plan/plan.ts'
import { simulatedRing } from '../traces/save/testTimelines.ts'
import { addRankLanes, channelOfSpan, planLanes } from './rankLanes.ts'
import { TimelineBuilder } from './timeline.ts'

const row = (channel: Traffic['channel'], payload: Traffic['payload']): Traffic => ({ channel, payload, pass: 'forward', hops: 1, bytesPerHop: 8 })

describe('lanes of ranks', () => {
  test('computing, and a pair for each channel that carries something, in drawing order', () => {
    expect(planLanes({ traffic: [] })).toEqual(['compute'])
    expect(planLanes({ traffic: [row('dkv', 'dkv'), row('kv', 'kv'), row('kv', 'kv')] }))
      .toEqual(['compute', 'send', 'recv', 'send gradient', 'recv gradient'])
    expect(planLanes({ traffic: CHANNELS.map((channel) => row(channel, 'kv')) })).toEqual(RANK_LANES)
  })

  test('are named for people and found by rank and code', () => {
    const builder = new TimelineBuilder('t', 'run')
    const lanes = addRankLanes(builder, { world: 2, traffic: [row('dkv', 'dkv')] })
    const { lanes: made } = builder.timeline(null)
    expect(made.map(({ name }) => name)).toEqual([0, 1].flatMap((rank) => ['compute', 'send gradient', 'recv gradient'].map((lane) => `Rank ${rank} · ${lane}`)))
    const code = RANK_LANES.indexOf('recv gradient')
    expect(made[lanes[1][code]]).toEqual({ rank: 1, name: 'Rank 1 · recv gradient', pid: 1, tid: code })
    expect(lanes[1][RANK_LANES.indexOf('send')]).toBe(-1)
  })

  test.each(CHANNELS)('a span on a lane of %s is on that channel in our own runs, and on none in other traces', (channel) => {
    const builder = new TimelineBuilder('t', 'run')
    const lanes = addRankLanes(builder, { world: 1, traffic: [row(channel, 'kv')] })
    for (const direction of ['send', 'recv'] as const) {
      const lane = lanes[0][RANK_LANES.indexOf(laneOf(channel, direction))]
      builder.append({ lane, category: CATEGORY_CODE[direction], name: builder.intern('x'), startNs: 0, durationNs: 1 })
    }
    builder.append({ lane: lanes[0][0], category: CATEGORY_CODE.compute, name: builder.intern('x'), startNs: 0, durationNs: 1 })
    const own = builder.timeline(simulatedRing().run)
    expect([0, 1, 2].map((index) => channelOfSpan(own, index))).toEqual([channel, channel, null])
    expect([0, 1].map((index) => channelOfSpan(builder.timeline(null), index))).toEqual([null, null])
    const foreign = { ...own, lanes: own.lanes.map((lane) => ({ ...lane, rank: null })) }
    expect(channelOfSpan(foreign, 0)).toBeNull()
  })
})
