import { describe, expect, it } from 'vitest'
import { CHANNELS } from '../timeline/categories.ts'
import { decodeFrame, encodeFrame, FRAME_BYTES, FRAME_KINDS, FrameAssembler, TransportError, type Frame } from './frames.ts'

const frames: Frame[] = FRAME_KINDS.flatMap((kind, at) => CHANNELS.map((channel): Frame =>
  ({ kind, channel, hop: at * 1e6, owner: at, bytes: 2 ** 32 + at, ns: 1e12 + at, wireNs: 2e12 + at })))

describe('frames', () => {
  it.each(frames)('carry a $kind of $channel unchanged', (frame) => {
    expect(decodeFrame(encodeFrame(frame))).toEqual(frame)
    expect(encodeFrame(frame).length).toBe(FRAME_BYTES)
  })

  it('refuse bytes that are none', () => {
    expect(() => decodeFrame(new Uint8Array(FRAME_BYTES))).toThrow(TransportError)
    const unknownKind = encodeFrame(frames[0])
    unknownKind[4] = 99
    expect(() => decodeFrame(unknownKind)).toThrow(TransportError)
    const unknownChannel = encodeFrame(frames[0])
    unknownChannel[6] = 99
    expect(() => decodeFrame(unknownChannel)).toThrow(TransportError)
  })

  it.each([1, 7, FRAME_BYTES, FRAME_BYTES + 1, 1000])('come together from %d bytes at a time', (size) => {
    const stream = new Uint8Array(frames.length * FRAME_BYTES)
    frames.forEach((frame, at) => encodeFrame(frame, stream, at * FRAME_BYTES))
    const assembler = new FrameAssembler()
    const seen: Frame[] = []
    for (let at = 0; at < stream.length; at += size) assembler.push(stream.subarray(at, at + size), (frame) => seen.push(frame))
    expect(seen).toEqual(frames)
  })
})
