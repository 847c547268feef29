import { describe, expect, it } from 'vitest'
import { MoveBoard } from './moveBoard.ts'

describe('a move board', () => {
  it('shows both threads the same, each move by itself', () => {
    const compute = new MoveBoard(3)
    const communication = new MoveBoard(3, compute.buffer)
    communication.over(2, 1.5, 2, 3)
    communication.over(0, 4, 5, 6)
    expect([0, 1, 2].map((move) => compute.isOver(move))).toEqual([true, false, true])
    expect(compute.times(2)).toEqual({ readyNs: 1.5, startNs: 2, endNs: 3 })
    expect(compute.times(0)).toEqual({ readyNs: 4, startNs: 5, endNs: 6 })
    compute.clear(2)
    expect(communication.isOver(2)).toBe(false)
    expect(compute.hasFailed).toBe(false)
    communication.failed()
    expect(compute.hasFailed).toBe(true)
  })

  it('lets sleep only who has something to wait for', () => {
    const board = new MoveBoard(1)
    const from = performance.now()
    board.sleep(() => true, 10_000)
    board.sleep(() => false, 20)
    expect(performance.now() - from).toBeGreaterThan(15)
    board.failed()
    board.sleep(() => false, 10_000)
    expect(performance.now() - from).toBeLessThan(5000)
  })
})
