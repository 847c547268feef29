import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { runCommand, type RunCommand } from '../machine/command.ts'
import { countWhile, findCounters, parsePerfStat } from './counters.ts'

const answering = (answers: Readonly<Record<string, string>>, otherwise = 'failed'): RunCommand => async (_program, args) => {
  const event = args[args.indexOf('-e') + 1]
  return event in answers ? { kind: 'done', stdout: answers[event] } : { kind: 'failed', message: `${otherwise}: ${event}\nmore` }
}

describe('parsePerfStat', () => {
  it('reads counts by event, and those that were not counted as null', () => {
    const text = '123456,,instructions:u,788163,100.00,1.5,insn per cycle\n<not supported>,,cycles:u,0,100.00,,\n0.79,msec,task-clock:u,788163,100.00,,\n\n'
    expect([...parsePerfStat(text)]).toEqual([['instructions:u', 123456], ['cycles:u', null], ['task-clock:u', 0.79]])
  })

  it('makes nothing of other texts', () => {
    expect(parsePerfStat('event syntax error\n  \\___ parser error').size).toBe(0)
  })
})

describe('findCounters', () => {
  const line = (event: string, value = '7'): string => `${value},,${event},1,100.00,,\n`

  it('takes the first name of each event that this processor knows', async () => {
    const found = await findCounters(answering({
      'instructions:u': line('instructions:u'), 'cycles:u': line('cycles:u'), 'L1-dcache-load-misses:u': line('L1-dcache-load-misses:u', '<not supported>'),
      'l2_cache_misses_from_dc_misses:u': line('l2_cache_misses_from_dc_misses:u'),
    }), 'linux')
    expect(found).toEqual({
      available: true, from: 'perf stat, instructions:u, cycles:u, l2_cache_misses_from_dc_misses:u',
      events: { instructions: 'instructions:u', cycles: 'cycles:u', l2Misses: 'l2_cache_misses_from_dc_misses:u' },
    })
  })

  it('says why there are none', async () => {
    const virtual = answering({ 'instructions:u': line('instructions:u', '<not supported>') })
    expect(await findCounters(virtual, 'linux')).toMatchObject({ available: false, from: expect.stringContaining('perf says that instructions:u is not supported') as string })
    expect(await findCounters(answering({}, 'Access to performance monitoring is limited'), 'linux'))
      .toMatchObject({ available: false, from: expect.stringContaining('Access to performance monitoring is limited') as string })
    expect(await findCounters(async () => ({ kind: 'missing' }), 'linux')).toMatchObject({ available: false, from: expect.stringContaining('not installed') as string })
    expect(await findCounters(answering({}), 'darwin')).toMatchObject({ available: false })
  })
})

const perf = await runCommand('perf', ['stat', '-x,', '--log-fd', '1', '-e', 'task-clock:u', 'true'])

// Software events stand in for those of the processor, which virtual machines rarely have.
describe.runIf(perf.kind === 'done')('countWhile', () => {
  it('counts what a process does in the meantime', async () => {
    const child = spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' })
    try {
      const wait = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 100) })
      const counted = await countWhile(child.pid ?? -1, { instructions: 'task-clock:u', cycles: 'cpu-clock:u' }, wait)
      expect(counted).toMatchObject({ l1Misses: null, l2Misses: null, l3Misses: null })
      expect(counted?.instructions).toBeGreaterThan(0)
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('is null where perf cannot look at the process', async () => {
    expect(await countWhile(2 ** 22 - 1, { instructions: 'task-clock:u', cycles: 'cpu-clock:u' }, async () => undefined)).toBeNull()
  })

  it('passes on what the measurement itself says', async () => {
    await expect(countWhile(process.pid, { instructions: 'task-clock:u', cycles: 'cpu-clock:u' }, async () => { throw new RangeError('it crashed') }))
      .rejects.toThrow('it crashed')
  })
})
