import { describe, expect, test } from 'vitest'
import type { PlanReport } from '../../../preload/contract/plan.ts'
import type { PlannerAnswers, PlannerTables, PublishedAnswer } from '../../../preload/contract/planner.ts'
import { findInstallation } from '../../installation.ts'
import { askedConfig } from '../../planner/questions/testQuestions.ts'
import { answersAsked, type QuestionOptions } from './commands/planQuestions.ts'
import type { CliContext } from './context.ts'
import { UsageError } from './errors.ts'
import { fixture, runCli } from './testing.ts'

const config = fixture('8-ranks-modelled-zigzag-causal.json')

describe('plan refuses questions it cannot answer, and says what would do', () => {
  const none: QuestionOptions = { published: false, tables: false, json: false }
  const a100 = { accelerator: 'a100-sxm' }
  const context: CliContext = {
    installation: findInstallation(), cancel: new AbortController().signal, exitCode: 0,
    terminal: { showsResults: false, out: () => Promise.resolve(), note: () => undefined, progress: () => undefined },
  }
  const cases: readonly (readonly [options: Partial<QuestionOptions>, message: RegExp])[] = [
    [{ link: 'nvlink3' }, /--link, --nodes-of, --inter-link and --model need --accelerator/],
    [a100, /--accelerator needs --link: .* "GB\/s,µs"/],
    [{ accelerator: 'a100', link: 'nvlink3' }, /--accelerator a100: there is no such id; there are a100-sxm, a100-pcie, .*--tables/],
    [{ ...a100, link: 'wire' }, /--link wire: there is no such id; there are nvlink3, .*25,12/],
    ...['-1,5', '0,5', '1,2,3', '25', '25,', ',', '1e300,5', '5,-1', '5,NaN'].map((link) =>
      [{ ...a100, link }, new RegExp(`--link ${link}: expected GB/s above 0 and µs from 0 on, .* as in 25,12`)] as const),
    [{ ...a100, link: '300,5', nodesOf: 4, interLink: '0,1' }, /--inter-link 0,1: expected GB\/s above 0/],
    [{ ...a100, link: '300,5', model: 'gpt' }, /--model gpt: there is no such id; there are llama3-8b/],
    [{ ...a100, link: '300,5', nodesOf: 4 }, /--nodes-of and --inter-link belong together/],
    [{ ...a100, link: '300,5', interLink: 'ib-hdr' }, /--nodes-of and --inter-link belong together/],
  ]
  test.each(cases)('%j', async (options, message) => {
    const asked = answersAsked(askedConfig(), { ...none, ...options }, context)
    await expect(asked).rejects.toThrow(message)
    await expect(asked).rejects.toBeInstanceOf(UsageError)
  })

  test('nothing asked, nothing answered', async () => {
    expect(await answersAsked(askedConfig(), none, context)).toBeNull()
  })

  test.each([
    [[], /plan needs a config file; only --published and --tables do without/],
    [[config, '--accelerator', 'a100-sxm', '--link', '300,5', '--nodes-of', '0', '--inter-link', 'ib-hdr'], /whole number from 1 to 1024/],
    [[config, '--accelerator', 'a100'], /there is no such id/],
    [['--published', '--tables'], /one or the other/],
    [['--published', config], /--published goes alone or with --json: leave out the config .*zigzag/],
    [['--tables', '--set', 'world=4', '--link', '300,5'], /--tables goes alone or with --json: leave out --set and questions about a cluster/],
  ])('ringscope plan %j ends with code 2', async (args, message) => {
    const { code, stdout, stderr } = await runCli('plan', ...args)
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

describe('plan answers', () => {
  const question = [config, '--accelerator', 'a100-sxm', '--link', '300,8', '--nodes-of', '4', '--inter-link', 'ib-hdr', '--model', 'llama3-8b'] as const

  test('--json: the plan with the answers beside it', async () => {
    const { code, stdout, stderr } = await runCli('plan', ...question, '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { answers, ...report } = JSON.parse(stdout) as PlanReport & { readonly answers: PlannerAnswers }
    expect(report.plan.world).toBe(8)
    expect(Object.keys(answers)).toEqual(expect.arrayContaining(
      ['cluster', 'shardTokens', 'neededGBps', 'links', 'layouts', 'candidates', 'impossible', 'margin', 'memory', 'assumptions']))
    expect(answers.cluster).toMatchObject({
      label: 'A100 SXM 80 GB, 300 GB/s, 8 µs; nodes of 4 over InfiniBand 200 Gb/s (HDR)', ranksPerNode: 4,
      intra: { bandwidthGBps: 300, latencyUs: 8 }, inter: { bandwidthGBps: 25 },
    })
    expect(answers.memory.every(({ longestContextTokens }) => longestContextTokens !== null)).toBe(true)
  })

  test('without --json: tables, the fastest arrangement first, and what was assumed', async () => {
    const { code, stdout } = await runCli('plan', ...question)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^fastest: .+, .+ of: .+$/m)
    for (const header of [/^arrangement +makespan/m, /^ {2}link \(\* of this cluster\)/m, /^layout +idle/m, /^devices +tokens each/m, /^assumed$/m]) expect(stdout).toMatch(header)
  })

  test('a config alone is planned as ever', async () => {
    const { stdout } = await runCli('plan', config, '--json')
    expect(JSON.parse(stdout)).not.toHaveProperty('answers')
  })
})

describe('what needs no config', () => {
  test('--published --json: every published figure beside ours', async () => {
    const { code, stdout } = await runCli('plan', '--published', '--json')
    expect(code).toBe(0)
    const { published } = JSON.parse(stdout) as { readonly published: readonly PublishedAnswer[] }
    expect(published.filter(({ source }) => source.startsWith('zhuzilin'))).toHaveLength(12)
  })

  test('--published: a table by source, with what was fitted marked', async () => {
    const { stdout } = await runCli('plan', '--published')
    expect(stdout).toMatch(/^ {2}zigzag: share of the theoretic rate +81\.8 % +81\.8 % +0 +measured +fitted +1\.1$/m)
    expect(stdout).toMatch(/^ {2}naive to zigzag with overlap +1\.67x .* measured +1\.14$/m)
  })

  test('--tables: the ids that the options take', async () => {
    const { code, stdout } = await runCli('plan', '--tables', '--json')
    expect(code).toBe(0)
    const tables = JSON.parse(stdout) as PlannerTables
    expect(Object.keys(tables)).toEqual(['accelerators', 'links', 'models', 'thisMachine'])
    const text = (await runCli('plan', '--tables')).stdout
    for (const { id } of [...tables.accelerators, ...tables.links, ...tables.models]) expect(text).toMatch(new RegExp(`^${id} `, 'm'))
  })
})
