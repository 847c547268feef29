import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PositionEncoding, Workspace } from '@astral-sh/ruff-wasm-nodejs'
import { describe, expect, it } from 'vitest'
import { slurmScript, torchrunScript } from './launchScripts.ts'

/** pycodestyle, pyflakes, order of imports, likely bugs, old syntax, annotations, docstrings of public functions, simpler forms. */
const RULES = ['E', 'W', 'F', 'I', 'B', 'UP', 'ANN', 'D1', 'SIM', 'C4', 'RET', 'ARG', 'PIE', 'PERF', 'N']
/**
 * UP006, UP007, UP035, UP045: `List[int]` for `list[int]`, as some of it is evaluated under Python 3.9. ANN401: what other
 * packages return has no type of ours. D105, D107: what `__init__` takes is said by its class.
 */
const EXCEPTIONS = ['UP006', 'UP007', 'UP035', 'UP045', 'ANN401', 'D105', 'D107', 'B905']

const roots = ['python', 'testing'].map((folder) => fileURLToPath(new URL(folder, import.meta.url)))
const sources = roots.flatMap((root) => readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.py')).map((path) => join(root, path)))

const hasPython = spawnSync('python3', ['--version']).status === 0
const hasBash = spawnSync('bash', ['--version']).status === 0

describe('the Python that runs on a cluster', () => {
  it('has sources', () => {
    expect(sources.map((path) => path.slice(path.lastIndexOf('/') + 1))).toContain('ring_attention.py')
  })

  it.each(sources)('%s parses as Python 3.9 and has no finding', (path) => {
    const ruff = new Workspace({
      'target-version': 'py39', 'line-length': 140, lint: { select: RULES, ignore: EXCEPTIONS }, format: { 'line-ending': 'lf' },
    }, PositionEncoding.Utf16)
    const findings = (ruff.check(readFileSync(path, 'utf8')) as { code: string | null; message: string; start_location: { row: number } }[])
      .map(({ code, message, start_location: { row } }) => `${row}: ${code ?? 'syntax'} ${message}`)
    expect(findings).toEqual([])
  })

  it.skipIf(!hasPython)('compiles', () => {
    const cache = mkdtempSync(join(tmpdir(), 'ringscope-pycache-'))
    try {
      execFileSync('python3', ['-m', 'py_compile', ...sources], { stdio: 'pipe', env: { ...process.env, PYTHONPYCACHEPREFIX: cache } })
    } finally {
      rmSync(cache, { recursive: true })
    }
  })
})

describe('the launch scripts', () => {
  const launches = [{ nodes: 1, gpusPerNode: 4, dtype: 'float32' }, { nodes: 16, gpusPerNode: 8, dtype: 'bfloat16' }] as const

  it.skipIf(!hasBash).each(launches)('are bash: %o', (launch) => {
    for (const text of [torchrunScript(launch), slurmScript('a-name', launch)]) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    }
  })

  it('ask Slurm for one launcher per node with its GPUs', () => {
    const text = slurmScript('a-name', launches[1])
    expect(text).toContain('#SBATCH --job-name=a-name\n#SBATCH --nodes=16\n#SBATCH --ntasks-per-node=1\n#SBATCH --gpus-per-node=8\n#SBATCH --cpus-per-task=64\n')
    expect(text).toContain('srun --kill-on-bad-exit=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" bash')
  })
})
