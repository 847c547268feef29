import { describe, expect, it } from 'vitest'
import { attends, attendsToAny, isAttendedTo, keyBounds, type MaskDefinition } from './attends.ts'

const rule = (parts: Partial<MaskDefinition>): MaskDefinition =>
  ({ mask: 'causal', seqLen: 12, lookback: null, keyPadding: null, cuSeqlens: null, ...parts })

/** The keys of every query, as a picture: x where the row's query attends to the column's key. */
const picture = (of: MaskDefinition, item = 0, length = of.seqLen): string[] => Array.from({ length }, (_, query) =>
  Array.from({ length }, (_, key) => attends(of, item, query, key) ? 'x' : '.').join(''))

describe('attends', () => {
  it('to itself and what is before it, or to everything', () => {
    expect(picture(rule({ seqLen: 4 }))).toEqual(['x...', 'xx..', 'xxx.', 'xxxx'])
    expect(picture(rule({ seqLen: 3, mask: 'full' }))).toEqual(['xxx', 'xxx', 'xxx'])
  })

  it('to a window of itself and as many tokens before it as asked', () => {
    expect(picture(rule({ seqLen: 5, lookback: 2 }))).toEqual(['x....', 'xx...', 'xxx..', '.xxx.', '..xxx'])
    expect(picture(rule({ seqLen: 3, lookback: 0 }))).toEqual(['x..', '.x.', '..x'])
  })

  it('within its document', () => {
    expect(picture(rule({ seqLen: 6, cuSeqlens: [0, 1, 4, 6] }))).toEqual(['x.....', '.x....', '.xx...', '.xxx..', '....x.', '....xx'])
    expect(picture(rule({ seqLen: 4, mask: 'full', cuSeqlens: [0, 3, 4] }))).toEqual(['xxx.', 'xxx.', 'xxx.', '...x'])
  })

  it('to the real keys of its batch item', () => {
    const padded = rule({ seqLen: 4, mask: 'full', keyPadding: [2, 0] })
    expect(picture(padded, 0)).toEqual(['xx..', 'xx..', 'xx..', 'xx..'])
    expect(picture(padded, 1)).toEqual(['....', '....', '....', '....'])
  })

  it('to nothing from padding, and not to padding', () => {
    expect(picture(rule({ seqLen: 2, mask: 'full' }), 0, 4)).toEqual(['xx..', 'xx..', '....', '....'])
  })

  it('by all rules at once', () => {
    expect(picture(rule({ seqLen: 7, lookback: 1, keyPadding: [5], cuSeqlens: [0, 2, 7] })))
      .toEqual(['x......', 'xx.....', '..x....', '..xx...', '...xx..', '....x..', '.......'])
  })
})

describe('what follows from it', () => {
  const rules: MaskDefinition[] = (['causal', 'full'] as const).flatMap((mask) => [null, 0, 3].flatMap((lookback) =>
    [null, [0, 5, 12]].flatMap((keyPadding) => [null, [0, 1, 2, 7, 12], [0, 12]].map((cuSeqlens) =>
      rule({ mask, lookback: mask === 'full' ? null : lookback, keyPadding, cuSeqlens })))))

  it.each(rules)('holds for every query and key of $mask, lookback $lookback, keys $keyPadding, documents $cuSeqlens', (of) => {
    const positions = Array.from({ length: of.seqLen + 2 }, (_, position) => position)
    for (let item = 0; item < (of.keyPadding?.length ?? 1); item++) {
      for (const position of positions) {
        const keys = positions.filter((key) => attends(of, item, position, key))
        expect(attendsToAny(of, item, position)).toBe(keys.length > 0)
        expect(isAttendedTo(of, item, position)).toBe(positions.some((query) => attends(of, item, query, position)))
        const [from, to] = keyBounds(of, item, position)
        expect(to - from).toBe(keys.length)
        for (const key of keys) expect(key >= from && key < to).toBe(true)
      }
    }
  })
})
