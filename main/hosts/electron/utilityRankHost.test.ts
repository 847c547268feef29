import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { RankProcess } from '../../executor/rankHost.ts'
import { forks, type UtilityDouble } from './testing/electronDouble.ts'
import { utilityRankHost } from './utilityRankHost.ts'

vi.mock('electron', () => import('./testing/electronDouble.ts'))

let child: UtilityDouble
let rank: RankProcess

beforeEach(() => {
  forks.length = 0
  rank = utilityRankHost().spawn('/app/rank.js', { label: 'rank 3', env: { CUDA_VISIBLE_DEVICES: '1' } })
  child = forks[0].child
})

/** Runs `act` with process.kill replaced. */
function withKill(kill: (pid: number, signal?: string | number) => true, act: () => void): ReturnType<typeof vi.spyOn> {
  const spy = vi.spyOn(process, 'kill').mockImplementation(kill)
  try {
    act()
  } finally {
    spy.mockRestore()
  }
  return spy
}

describe('ranks as utility processes', () => {
  it('start with the parent\'s environment and their own on top', () => {
    expect(forks[0].entry).toBe('/app/rank.js')
    expect(forks[0].options).toMatchObject({
      serviceName: 'rank 3', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, CUDA_VISIBLE_DEVICES: '1' },
    })
  })

  it('exchange messages and pass on what they complain about', () => {
    const heard: unknown[] = []
    rank.onMessage((message) => heard.push(message))
    rank.onStderr((text) => heard.push(text))
    child.emit('message', { spans: new Float64Array([1]) })
    child.stderr.emit('data', 'a warning')
    rank.send({ go: true })
    expect(heard).toEqual([{ spans: new Float64Array([1]) }, 'a warning'])
    expect(child.posted).toEqual([{ go: true }])
  })

  it('that V8 gives up end alone, and say why', () => {
    const heard: unknown[] = []
    rank.onStderr((text) => heard.push(text))
    expect(() => child.emit('error', 'FatalError', 'v8::Array::New', '{"header": {}}')).not.toThrow()
    expect(heard).toEqual(['FatalError of V8 in v8::Array::New\n'])
  })

  it('tell of their end once, also to who asks later, and take no message then', async () => {
    const ends: unknown[] = []
    rank.onExit((exit) => ends.push(exit))
    child.emit('exit', 7)
    rank.onExit((exit) => ends.push(exit))
    await Promise.resolve()
    rank.send('late')
    expect(ends).toEqual([{ code: 7, signal: null }, { code: 7, signal: null }])
    expect(child.posted).toEqual([])
  })

  it('are asked to end, or ended', () => {
    child.pid = 4321
    const kill = vi.fn((): true => true)
    withKill(kill, () => {
      rank.kill()
      expect([child.killed, kill.mock.calls.length]).toEqual([1, 0])
      rank.kill('SIGKILL')
    })
    expect(kill.mock.calls).toEqual([[4321, 'SIGKILL']])
  })

  it('are ended as soon as they exist when that was asked before', () => {
    const kill = vi.fn((): true => true)
    withKill(kill, () => {
      rank.kill('SIGKILL')
      expect(kill).not.toHaveBeenCalled()
      child.pid = 99
      child.emit('spawn')
    })
    expect(kill.mock.calls).toEqual([[99, 'SIGKILL']])
  })

  it('may be gone already', () => {
    child.pid = 4321
    withKill(() => { throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' }) }, () => {
      expect(() => { rank.kill('SIGKILL') }).not.toThrow()
    })
    withKill(() => { throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' }) }, () => {
      expect(() => { rank.kill('SIGKILL') }).toThrow('EPERM')
    })
    child.emit('exit', 0)
    const kill = vi.fn((): true => true)
    withKill(kill, () => { rank.kill('SIGKILL') })
    expect(kill).not.toHaveBeenCalled()
  })
})
