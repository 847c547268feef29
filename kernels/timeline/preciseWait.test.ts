import { describe, expect, it } from 'vitest'
import { waitUntil } from './preciseWait.ts'

const now = (): number => Number(process.hrtime.bigint() % 1_000_000_000_000n)

describe('waitUntil', () => {
  it.each([0, 0.3, 3, 30])('never ends before %d ms have passed', async (ms) => {
    const deadline = now() + ms * 1e6
    await waitUntil(now, deadline)
    expect(now()).toBeGreaterThanOrEqual(deadline)
  })

  it('lets the event loop turn in a long wait', async () => {
    let turned = false
    setTimeout(() => { turned = true }, 5)
    await waitUntil(now, now() + 60e6)
    expect(turned).toBe(true)
  })
})
