import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixture, runCli } from './testing.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-cli-cluster-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const ring = fixture('4-ranks-forward-backward.json')

describe('ringscope cluster', () => {
  test('writes a folder and says how to go on', async () => {
    const out = join(folder, 'job')
    const { code, stdout, stderr } = await runCli('cluster', ring, '--out', out)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`bash ${out}/torchrun.sh`)
    expect(stdout).toContain(`ringscope serve ${out}`)
    expect(existsSync(join(out, 'ring_attention.py'))).toBe(true)
  })

  test('--json: one document with the folder, its files and where ranks are; --set and --dtype are in the config', async () => {
    const out = join(folder, 'json')
    const { code, stdout, stderr } = await runCli('cluster', ring, '--out', out, '--set', 'world=16', '--nodes', '4', '--dtype', 'bfloat16', '--json')
    expect(code).toBe(0)
    expect(stderr).toContain('K and V travel as bfloat16')
    const report = JSON.parse(stdout) as { files: string[] }
    expect(report).toMatchObject({ folder: out, nodes: 4, gpusPerNode: 4, dtype: 'bfloat16', config: { world: 16, wireDtype: 'bfloat16' } })
    expect(report.files).toContain('plan.json')
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({ world: 16, wireDtype: 'bfloat16' })
    expect(readFileSync(join(out, 'torchrun.sh'), 'utf8')).toContain('--dtype bfloat16')
    expect(readFileSync(join(out, 'slurm.sbatch'), 'utf8')).toContain('--nodes=4\n')
  })

  test('an existing folder is refused without --force', async () => {
    const out = join(folder, 'twice')
    await runCli('cluster', ring, '--out', out)
    writeFileSync(join(out, 'result.json'), '{}')
    const { code, stdout, stderr } = await runCli('cluster', ring, '--out', out, '--json')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('--force')
    expect(existsSync(join(out, 'result.json'))).toBe(true)
    expect((await runCli('cluster', ring, '--out', out, '--force')).code).toBe(0)
    expect(existsSync(join(out, 'result.json'))).toBe(false)
  })

  test.each<readonly [args: readonly string[], message: RegExp]>([
    [[], /missing required argument 'config'/],
    [['none.json'], /no such file/],
    [[ring, '--nodes', '3'], /--nodes: expected a divisor of world \(4\), got 3/],
    [[ring, '--gpus-per-node', 'all'], /whole number from 1/],
    [[ring, '--accelerator', 'abacus', '--link', 'nvlink3'], /--accelerator abacus: there is no such id/],
    [[ring, '--link', 'nvlink3'], /need --accelerator/],
    [[ring, '--nodes', '2', '--accelerator', 'a100-sxm', '--link', 'nvlink3'], /the ranks are on 2 nodes.*--inter-link/],
    [[ring, '--dtype', 'float8'], /Allowed choices are bfloat16, float32/],
  ])('bad usage %j ends with code 2', async (args, message) => {
    const { code, stdout, stderr } = await runCli('cluster', ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  test('--accelerator and --link: its simulation is in the folder, says what it assumes, and opens', async () => {
    const out = join(folder, 'simulated')
    const { code, stdout } = await runCli('cluster', ring, '--out', out, '--accelerator', 'a100-sxm', '--link', 'nvlink3')
    expect(code).toBe(0)
    expect(stdout).toContain('With a simulation of: A100 SXM 80 GB, NVLink 3 (A100)')
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toMatch(/Nothing of it was measured\. It assumes\s+A100 SXM 80 GB.*300 GB\/s, 8 µs/s)
    const analysis = JSON.parse((await runCli('analyze', out, '--json')).stdout) as { world: number; ranks: unknown[]; files: { path: string }[] }
    expect(analysis.files.map(({ path }) => path)).toEqual([join(out, 'simulated.json.gz')])
    expect(analysis.ranks).toHaveLength(4)
  })

  test('a folder that was not run yet says so when it is opened', async () => {
    const out = join(folder, 'unrun')
    await runCli('cluster', ring, '--out', out)
    const { code, stderr } = await runCli('analyze', out)
    expect(code).toBe(2)
    expect(stderr).toContain('was not run yet')
  })
})
