import { describe, expect, it } from 'vitest'
import { processState } from './processState.ts'

describe.runIf(process.platform === 'linux')('what the system says of a process', () => {
  it('is that it runs, and the CPU time it has used', () => {
    const before = processState(process.pid)
    expect(before).toMatchObject({ stopped: false, ended: false })
    // By the CPU's clock, which stands still while others have the core.
    const from = process.cpuUsage()
    while (process.cpuUsage(from).user + process.cpuUsage(from).system < 200_000) { /* uses the CPU */ }
    const usedTicks = (processState(process.pid)?.cpuTicks ?? Number.NaN) - (before?.cpuTicks ?? Number.NaN)
    expect(usedTicks).toBeGreaterThanOrEqual(18)
  })

  it('is nothing of one that does not exist', () => {
    // Past the largest that Linux gives.
    expect(processState(2 ** 22 + 1)).toBeNull()
  })
})
