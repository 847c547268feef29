import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DoctorReport } from '../../../preload/contract/machine.ts'
import type { PlanReport } from '../../../preload/contract/plan.ts'
import { fixture, runCli, startCli } from './testing.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-cli-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const file = (name: string, content: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('bad usage ends with code 2, says why on stderr and prints nothing on stdout', () => {
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[], /Usage: ringscope/],
    [['rnu', 'x.json'], /unknown command 'rnu'[\s\S]*Did you mean run/],
    [['run'], /missing required argument 'config'[\s\S]*--help/],
    [['run', fixture('4-ranks-straggler.json'), '--fast'], /unknown option '--fast'/],
    [['run', 'none.json'], /none\.json: 1 problem[\s\S]*no such file/],
    [['run', fixture('4-ranks-straggler.json'), '--stall-timeout', 'soon'], /number of seconds above 0/],
    [['run', fixture('4-ranks-straggler.json'), '--out', 'trace.txt'], /trace\.txt: expected a name that ends in \.json or \.json\.gz/],
    [['run', fixture('4-ranks-straggler.json'), '--out', '/no/such/trace.json'], /the folder \/no\/such does not exist/],
    [['plan', fixture('4-ranks-straggler.json'), '--set', 'wrold=3'], /wrold: expected no such key/],
    [['sweep', fixture('2-ranks-zigzag-causal.json'), '--block-q', '64,x', '--block-k', '64'], /whole number from 1/],
    [['sweep', fixture('2-ranks-zigzag-causal.json'), '--block-q', '64'], /--block-k/],
    [['sweep', fixture('2-ranks-zigzag-causal.json'), '--block-q', '64', '--block-k', '64', '--axis', 'headDim'], /headDim=64,128/],
    [['sweep', fixture('2-ranks-zigzag-causal.json'), '--block-q', '64', '--block-k', '64', '--axis', 'wrold=2'], /wrold: expected a numeric field/],
    [['sweep', fixture('2-ranks-zigzag-causal.json'), '--block-q', '64', '--block-k', '64', '--l2', 'much'], /size such as 2M/],
    [['sweep', fixture('2-ranks-zigzag-causal.json'), '--ring', '--axis', 'world=3,2000'], /world: expected an integer from 1 to 1024, got 2000/],
    [['sweep', fixture('2-ranks-zigzag-causal.json'), '--ring', '--block-q', '64'], /--axis blockQ=64,128/],
    [['analyze', 'none.json'], /none\.json: no such file or folder/],
    [['convert', 'none.json', '--out', 'x.json'], /required option '--to <format>' not specified/],
    [['convert', 'none.json', '--to', 'chrome'], /required option '--out <file>' not specified/],
    [['serve', '--port', '70000'], /whole number from 0 to 65535/],
  ]

  test.each(cases)('ringscope %j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(...args)
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('a bad config: every problem at once, each with its path, what was expected and what was given', async () => {
    const path = file('bad.json', { world: 0, layout: 'zigzac', seqLen: 'long', heads: 4, headDim: 64, colour: 'red', link: { bandwidthGBps: -1 } })
    const { code, stdout, stderr } = await runCli('run', path, '--json')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`${path}: 6 problems`)
    for (const line of [
      'world: expected an integer from 1 to 1024, got 0',
      'layout: expected one of "contiguous", "striped", "zigzag"',
      'seqLen: expected an integer from 1 to 67108864, got "long"',
      'colour: expected no such key, got "red"',
      'link.bandwidthGBps: expected',
      'link.latencyUs: expected',
    ]) expect(stderr).toContain(line)
  })

  test('a file that is no trace', async () => {
    const { code, stdout, stderr } = await runCli('analyze', file('not-a-trace.json', '{"hello": 1}'), '--json')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('not-a-trace.json')
  })

  test('a folder without traces', async () => {
    const empty = mkdtempSync(join(folder, 'empty-'))
    expect(await runCli('analyze', empty)).toMatchObject({ code: 2, stderr: expect.stringContaining('no .json or .json.gz file') as string })
  })
})

test('help and version go to stdout and end with 0', async () => {
  const help = await runCli('--help')
  expect(help).toMatchObject({ code: 0, stderr: '' })
  for (const command of ['run', 'sweep', 'analyze', 'convert', 'compare', 'plan', 'serve', 'doctor']) expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  expect(await runCli('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string })
})

describe('plan', () => {
  test('--json is one document with the config, the plan, theory and simulation', async () => {
    const { code, stdout, stderr } = await runCli('plan', fixture('8-ranks-modelled-contiguous-causal.json'), '--json', '--set', 'world=4')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const report = JSON.parse(stdout) as PlanReport
    expect(report.config.world).toBe(4)
    expect(report.plan).toMatchObject({ world: 4, hops: 3, bytesPerHop: 2 * 2 * 1024 * 64 * 4 })
    expect(report.plan.ranks.map((rank) => rank.steps.map((step) => step.kind))).toEqual([
      ['diagonal', 'skip', 'skip', 'skip'], ['diagonal', 'full', 'skip', 'skip'],
      ['diagonal', 'full', 'full', 'skip'], ['diagonal', 'full', 'full', 'full'],
    ])
    const { totalPairs, makespanPairs, idleFraction } = report
    expect(totalPairs).toBe(4096 * 4097 / 2)
    expect(idleFraction).toBeCloseTo(1 - totalPairs / (4 * makespanPairs), 12)
    expect(report.hideCondition.minShardTokens).toBeGreaterThan(0)
    expect(report.simulated.makespanMs).toBeGreaterThan(0)
  })

  test('without --json it is a table', async () => {
    const { code, stdout } = await runCli('plan', fixture('8-ranks-modelled-contiguous-causal.json'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/^rank\s+pairs\s+busy\s+steps$/m)
    expect(stdout).toMatch(/^\s+3 .* diagonal, full x3, skip x4$/m)
  })
})

test('a reader of stdout that goes away is no error', async () => {
  const { child, ended } = startCli(['plan', fixture('8-ranks-modelled-contiguous-causal.json'), '--json'])
  child.stdout.destroy()
  expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('doctor: what belongs to --rates is refused without it', async () => {
  expect(await runCli('doctor', '--fresh')).toMatchObject({ code: 2, stderr: expect.stringContaining('--rates') as string })
})

test('doctor --json is one document; every check has a status, and what does not work says what to do', async () => {
  const { code, stdout } = await runCli('doctor', '--json')
  expect(code).toBe(0)
  const report = JSON.parse(stdout) as DoctorReport
  expect(report.backends.map((check) => check.id)).toEqual(['wasm', 'tensorflow', 'webgpu', 'tfjs-wasm', 'tfjs-cpu', 'modelled'])
  expect(report.transports.map((check) => check.id)).toEqual(['socket', 'shared-memory'])
  expect(report.hosts.map((check) => check.id)).toEqual(['electron', 'web', 'browser'])
  expect(report.devices[0].id).toBe('cpu')
  for (const check of [...report.backends, ...report.devices, ...report.transports, ...report.hosts]) {
    expect(['works', 'absent', 'broken']).toContain(check.status)
    expect(check.detail).not.toBe('')
  }
  const backend = (id: string): unknown => report.backends.find((check) => check.id === id)
  for (const id of ['tfjs-wasm', 'tfjs-cpu', 'modelled']) expect(backend(id)).toEqual({ id, label: id, status: 'works', detail: expect.any(String) as string, remedy: null })
})
