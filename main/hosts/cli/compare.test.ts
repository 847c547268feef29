import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Comparison } from '../../../preload/contract/compare.ts'
import { ringTrace } from '../../comm/testing/ringTrace.ts'
import type { FailedCondition } from '../../compare/conditions.ts'
import { SAMPLE_TRACES } from '../../traces/testing/sampleTraces.ts'
import { type Outcome, repository, runCli } from './testing.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-compare-'))
  for (const layout of ['contiguous', 'zigzag'] as const) {
    mkdirSync(join(folder, layout))
    for (const { name, text } of ringTrace({ world: 2, iterations: 4, layers: 1, layout, seqLen: 4096 }).files) writeFileSync(join(folder, layout, name), text)
  }
})
afterAll(() => { rmSync(folder, { recursive: true }) })

const at = (name: string): string => join(folder, name)
const document = ({ stdout }: Outcome): Comparison & { readonly failed: readonly FailedCondition[] } =>
  JSON.parse(stdout) as Comparison & { readonly failed: readonly FailedCondition[] }

/** A small real run with modelled compute, saved: 42 ms a rank, so that a busy machine does not hide a rank that takes four times as long. */
async function savedRun(name: string, ...changes: readonly string[]): Promise<string> {
  const config = at(`${name}.json`)
  writeFileSync(config, JSON.stringify({
    name, world: 2, seqLen: 512, heads: 1, headDim: 16, backend: 'modelled', model: { gflops: 0.1 }, iterations: 5, warmup: 1, verify: false,
  }))
  const saved = at(`${name}.trace.json.gz`)
  expect(await runCli('run', config, '--out', saved, '--json', ...changes.flatMap((change) => ['--set', change]))).toMatchObject({ code: 0 })
  return saved
}

describe('two of our own runs, one with a rank that is four times slower', () => {
  let even = ''
  let late = ''
  beforeAll(async () => {
    even = await savedRun('even', 'layout=zigzag')
    late = await savedRun('late', 'layout=zigzag', 'stragglers={"1":4}')
  })

  test('a limit that is broken ends with 5 and says so, one that holds with 0', async () => {
    const [broken, kept] = await Promise.all([
      runCli('compare', even, late, '--fail-on', 'makespan>50%', '--fail-on', 'compute>1000%'), runCli('compare', late, even, '--fail-on', 'makespan>50%'),
    ])
    expect(broken.code).toBe(5)
    expect(broken.stderr).toMatch(/^failed: makespan>50%: late\.trace\.json\.gz changed by \+[\d.]+ %, the limit is 50\.0 % \((?:beyond|within) the noise.*\)$/m)
    expect(broken.stderr).not.toContain('compute>1000%')
    expect(broken.stdout).toMatch(/^B: .*\(makespan [\d.]+ ms against [\d.]+ ms, .*noise [\d.]+ %\)/m)
    expect(broken.stdout).toMatch(/^makespan +[\d.]+ .*s ± .* \+[\d.]+ % +rank 1 step \d \+/m)
    expect(kept).toMatchObject({ code: 0, stderr: '' })
  })

  test('--json is one document with the comparison and what failed', async () => {
    const [failed, same] = await Promise.all([
      runCli('compare', even, late, '--fail-on', 'makespan>50%', '--json'), runCli('compare', even, even, '--fail-on', 'makespan>0%', '--json'),
    ])
    expect(failed.code).toBe(5)
    const { sources, metrics, failed: [first] } = document(failed)
    expect(sources.map(({ id, windowKind, windows }) => [id, windowKind, windows.length])).toEqual([[even, 'iterations', 5], [late, 'iterations', 5]])
    expect(first).toMatchObject({ condition: 'makespan>50%', metric: 'makespan', relative: true, source: 1, limit: 50 })
    expect(first.value).toBeCloseTo(100 * (metrics[0].deltas[1]?.relative ?? 0), 9)
    expect(document(same)).toMatchObject({ verdicts: [{ change: 'same' }], failed: [] })
  })
})

describe('traces of GPUs', () => {
  test('a folder and a pattern are one source each, ranks of a job together', async () => {
    const outcome = await runCli('compare', at('contiguous'), at('zigzag/*.json'), '--json', '--fail-on', 'makespan<=0%')
    expect(outcome.code).toBe(5)
    const { sources, verdicts } = document(outcome)
    expect(sources.map(({ kind, ranks }) => [kind, ranks])).toEqual([['trace', 2], ['trace', 2]])
    expect(verdicts[0].change).toBe('faster')
  })

  test('the report has a verdict, warnings, metrics of GPUs and the spans that differ', async () => {
    const { code, stdout } = await runCli('compare', at('contiguous'), at('zigzag'), join(repository, 'fixtures/traces/2-ranks-zigzag-causal.json.gz'))
    expect(code).toBe(0)
    for (const line of [
      /^A {2}.*contiguous: trace of 2 ranks, 4 .* \(the base\)$/m, /^C {2}.*: run of 2 ranks, 3 measured iterations$/m,
      /^B: [\d.]+ % faster \(makespan /m, /^warning: .*includes the waiting inside its kernels/m,
      /^metric +A +B +C +B to A +C to A/m, /^htaComm +[\d.]+ .*- +/m, /^kind\.attention +/m, /^spans that differ most, per window/m, /names are not in A, \d+ names are not in B/,
    ]) expect(stdout).toMatch(line)
    expect(stdout).not.toMatch(/undefined|NaN|null/)
  })

  test.skipIf(!existsSync(SAMPLE_TRACES))('the sample pair: 49 % slower, which a limit of 5 % does not let pass and one of 50 % does', async () => {
    const [control, other] = ['control', 'test'].map((name) => join(SAMPLE_TRACES, `compare-pair/${name}.json.gz`))
    const [failed, kept] = await Promise.all([
      runCli('compare', control, other, '--fail-on', 'makespan>5%', '--fail-on', 'comm>7ms'),
      runCli('compare', control, other, '--fail-on', 'makespan>50%', '--fail-on', 'comm>7.5ms', '--json'),
    ])
    expect(failed).toMatchObject({ code: 5, stderr: [
      'failed: makespan>5%: test.json.gz changed by +49.3 %, the limit is 5.00 % (beyond the noise)',
      'failed: comm>7ms: test.json.gz changed by +7.49 ms, the limit is 7.00 ms (within the noise: repeat it before you believe it)', '',
    ].join('\n') })
    expect(kept).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('what cannot be judged ends with 2', () => {
  const fixture = join(repository, 'fixtures/traces/2-ranks-zigzag-causal.json.gz')
  test.each([
    [[fixture], /compare needs two or more traces/],
    [[fixture, fixture, '--fail-on', 'makspan>5%'], /there is no metric "makspan"; expected one of makespan, compute/],
    [[fixture, fixture, '--fail-on', 'makespan'], /is no condition: expected <metric><op><value><unit>/],
    [[fixture, fixture, '--fail-on', 'htaIdle>5%'], /these have no metric "htaIdle"/],
    [[fixture, 'none.json'], /no such file or folder/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runCli('compare', ...args)
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('a condition on what one of the sources lacks, and an argument that is two jobs', async () => {
    expect(await runCli('compare', at('zigzag'), fixture, '--fail-on', 'htaIdle>5%')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/has no htaIdle \(hta idle\), so the condition cannot be judged/) as string })
    mkdirSync(at('mixed'))
    for (const [name, layout] of [['a', 'contiguous'], ['b', 'zigzag']] as const) {
      mkdirSync(at(`mixed/${name}`))
      for (const { name: file, text } of ringTrace({ world: 2, iterations: 1, layers: 1, layout, seqLen: 1024 }).files) writeFileSync(at(`mixed/${name}/${file}`), text)
    }
    const several = await runCli('compare', at('mixed'), fixture)
    expect(several.code).toBe(2)
    expect(several.stderr).toMatch(/these files are 2 jobs, and each argument is one of the things compared/)
  })
})
