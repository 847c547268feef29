import { readFileSync } from 'node:fs'

/** What the system says of a process. */
export interface ProcessState {
  /** Stopped by a signal or a debugger. */
  readonly stopped: boolean
  /** Over, and only not yet reaped by its parent. */
  readonly ended: boolean
  /** CPU time it has used, in clock ticks of 1/100 s. */
  readonly cpuTicks: number
}

/** Reads `/proc/<pid>/stat`. Null where there is none: other systems, or a process that is gone. */
export function processState(pid: number): ProcessState | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return null
  }
  // The second field is the command in parentheses and may contain anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [letter] = fields
  return {
    stopped: letter === 'T' || letter === 't', ended: letter === 'Z' || letter === 'X',
    cpuTicks: Number(fields[11]) + Number(fields[12]),
  }
}
