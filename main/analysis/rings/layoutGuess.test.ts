import { describe, expect, test } from 'vitest'
import { guessLayout } from './layoutGuess.ts'

const POSITIONS = [0, 1, 2, 3]
const owner = (position: number, step: number): number => (position - step + 4) % 4
const workOf = (cell: (position: number, step: number) => number): number[][] =>
  POSITIONS.map((position) => POSITIONS.map((step) => cell(position, step)))
const guess = (work: number[][], noise = 0) => guessLayout(work, noise, POSITIONS, 4)

const CONTIGUOUS = workOf((position, step) => (step === 0 ? 52 : owner(position, step) < position ? 100 : 0))
/** Pairs of shards of 1024 tokens. */
const ZIGZAG = workOf((_, step) => (step === 0 ? 1025 : 1024))
const STRIPED = workOf((position, step) => (owner(position, step) <= position ? 1025 : 1023))

describe('layout by attention time per rank and step', () => {
  test('contiguous shards: later blocks take nothing, the own one half', () => {
    const { layout, evidence } = guess(CONTIGUOUS)
    expect(layout).toBe('contiguous')
    expect(evidence[0]).toMatch(/^Attention time per rank and step fits contiguous shards under a causal mask within \d(\.\d)? % \(next best, even work: \d+ %\)$/)
  })

  test('a backward pass in reversed order, and a slow rank, are contiguous still', () => {
    expect(guess(CONTIGUOUS.map((row) => [...row].reverse())).layout).toBe('contiguous')
    expect(guess(CONTIGUOUS.map((row, rank) => row.map((time) => time * (rank === 2 ? 2.5 : 1)))).layout).toBe('contiguous')
  })

  test("the last of four ranks alone shows the own block's half", () => {
    expect(guessLayout([CONTIGUOUS[3]], 0, [3], 4).layout).toBe('contiguous')
  })

  test('zigzag and striped differ by their diagonals only, and are told apart where times are that exact', () => {
    expect(guess(ZIGZAG)).toMatchObject({ layout: 'zigzag', evidence: [
      'Every rank computes about equally long in every step (within 0.042 %): no contiguous shards under a causal mask',
      expect.stringMatching(/^Of the little that steps differ, 100 % fits zigzag \(\d+ % for striped\): .* by 0\.098 %$/),
    ] })
    expect(guess(STRIPED).layout).toBe('striped')
  })

  test('not where passes vary by more than that', () => {
    expect(guess(ZIGZAG, 0.001).layout).toBeNull()
    expect(guess(STRIPED, 0.001).evidence[0]).toMatch(/zigzag, striped and block-cyclic shards and a full mask all look so$/)
  })

  test('where the own block has a kernel of its own, that says zigzag, however much times vary', () => {
    const launches = POSITIONS.map(() => ['flash causal', 'flash', 'flash', 'flash'])
    const uneven = workOf((position, step) => 1000 + ((position * 7 + step * 5) % 4) * 20)
    expect(guessLayout(uneven, 0.01, POSITIONS, 4, launches)).toMatchObject({ layout: 'zigzag' })
    expect(guessLayout(uneven, 0.01, POSITIONS, 4, launches.map((row) => [...row].reverse())).layout).toBe('zigzag')
  })

  test('kernels that differ otherwise have rates of their own: then times of even work say nothing', () => {
    const launches = POSITIONS.map((position) => POSITIONS.map((step) => (owner(position, step) <= position ? 'flash [16]' : 'flash [8]')))
    expect(guessLayout(STRIPED, 0, POSITIONS, 4, launches).layout).toBeNull()
  })

  test('a full mask has no diagonals: even work says no layout', () => {
    expect(guess(workOf(() => 2048)).layout).toBeNull()
  })

  test('what fits nothing is said to fit nothing', () => {
    const { layout, evidence } = guess(workOf((position, step) => 1 + ((position * 7 + step * 5) % 4)))
    expect(layout).toBeNull()
    expect(evidence[0]).toMatch(/^No layout fits/)
    expect(guess(workOf(() => 0)).evidence).toEqual(['No attention kernels from which the layout could be told'])
  })
})
