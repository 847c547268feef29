import { deserialize, serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../config/runConfig.ts'
import { SpanRecorder } from '../timeline/recorder.ts'
import { parseFromRank, parseToRank, ProtocolError, type FromRank, type ToRankMessage } from './protocol.ts'

/** What a message is after the channel between processes has carried it. */
const carried = (message: unknown): unknown => deserialize(serialize(message))

const config = parseRunConfig({ world: 2, seqLen: 8, heads: 1, headDim: 4 }, 'test')
const setup: ToRankMessage = {
  type: 'setup', rank: 1, config, backend: 'wasm', kernelsDir: '/k', commEntry: '/c', originNs: '12345678901234567890',
  ownAddress: '/r1', senderAddresses: new Map([[0, '/r0'], [3, '/r3']]), slotDir: null, copyThreads: 2, parentPid: 7, ownedFolders: ['/run'],
}

function batch() {
  const recorder = new SpanRecorder(4)
  recorder.record('compute', 'compute', 1, 2, { iteration: 0, step: 0 }, { flops: 8 })
  recorder.record('recv', 'recv', 1, 3, { iteration: 0, step: 0 }, { hop: 5, peer: 0, bytes: 64, payload: 'dkv' })
  return recorder.take()
}

describe('the protocol', () => {
  it('carries every message of a supervisor unchanged', () => {
    const messages: ToRankMessage[] = [
      setup, { type: 'connect' }, { type: 'clock-ping', id: 0 }, { type: 'prepare', iteration: 0 },
      { type: 'iterate', iteration: 3, startAtNs: 1e9 }, { type: 'verify' }, { type: 'stop' },
    ]
    for (const message of messages) expect(parseToRank(carried(message))).toEqual(message)
  })

  it('carries every message of a rank unchanged, spans included', () => {
    const messages: FromRank[] = [
      { type: 'hello' }, { type: 'listening' }, { type: 'connected', device: 'd', computes: true, recorderOverheadNs: 90 },
      { type: 'clock-pong', id: 0, nowNs: 5 }, { type: 'ready', iteration: 0 }, { type: 'alive' },
      { type: 'progress', iteration: -1, step: -1, state: 'starting' }, { type: 'spans', batch: batch() },
      { type: 'iteration-done', iteration: 0, endNs: 9, batch: batch() },
      { type: 'verified', checkedRows: 3, maxAbsError: 1e-7, checkedGradRows: 0, checkedKeyGradRows: 0, maxAbsGradError: null, checksum: -4 },
      { type: 'verified', checkedRows: 3, maxAbsError: 1e-7, checkedGradRows: 2, checkedKeyGradRows: 1, maxAbsGradError: 1e-6, checksum: -4 },
      { type: 'failed', reason: 'peer-lost', lostPeer: 1, errorName: 'E', message: 'm', iteration: 1, step: 2, batch: null },
    ]
    for (const message of messages) expect(parseFromRank(carried(message), 1)).toEqual(message)
  })

  it.each([
    ['a rank that is none', { ...setup, rank: -1 }, /rank/],
    ['a config that is invalid', { ...setup, config: { ...config, world: 0 } }, /world/],
    ['a backend that is not decided', { ...setup, backend: 'auto' }, /backend/],
    ['a key too many', { ...setup, extra: 1 }, /extra/],
    ['a type that is unknown', { type: 'dance' }, /type/],
    ['no message at all', undefined, /object/],
  ])('refuses %s, and says where', (_, message, where) => {
    expect(() => parseToRank(message)).toThrow(ProtocolError)
    expect(() => parseToRank(message)).toThrow(where)
  })

  it.each([
    ['columns of different lengths', { ...batch(), hop: new Int32Array(1) }, /lengths/],
    ['a plain array for a column', { ...batch(), startNs: [1, 1] }, /Float64Array/],
    ['a lane that does not exist', { ...batch(), lane: new Uint8Array([99, 99]) }, /lane/],
    ['a payload that does not exist', { ...batch(), payload: new Uint8Array([0, 200]) }, /payload/],
    ['a category that does not exist', { ...batch(), category: new Uint8Array([0, 200]) }, /category/],
  ])('refuses spans with %s, and names the rank', (_, broken, where) => {
    const message = { type: 'spans', batch: broken }
    expect(() => parseFromRank(message, 3)).toThrow(where)
    expect(() => parseFromRank(message, 3)).toThrow(/rank 3/)
  })
})
