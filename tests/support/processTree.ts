import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Only Linux lets a test look at other processes without a tool. */
export const canListProcesses = process.platform === 'linux'

interface ProcessInfo {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

function allProcesses(): ProcessInfo[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      // The name in parentheses may hold blanks; the fields after it are state and parent.
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (state === 'Z') return []
      return [{ pid: Number(name), parent: Number(parent), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() }]
    } catch {
      return [] // It ended between the two reads.
    }
  })
}

/** Every process that a process started, directly or through others, and that still runs. */
export function descendants(pid: number): ProcessInfo[] {
  const all = allProcesses()
  const found: ProcessInfo[] = []
  const open = [pid]
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const child of all) {
      if (child.parent !== parent) continue
      found.push(child)
      open.push(child.pid)
    }
  }
  return found
}

/** Waits until none of the processes runs any more. @returns those that still do after the time */
export async function survivors(pids: readonly number[], timeoutMs = 5000): Promise<ProcessInfo[]> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const alive = allProcesses().filter((process) => pids.includes(process.pid))
    if (alive.length === 0 || Date.now() > deadline) return alive
    await sleep(50)
  }
}
