import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DoctorReport } from '../preload/contract/machine.ts'
import type { RunResult } from '../preload/contract/run.ts'
import { cleanEnvironment, root, temporaryFolder } from './support/paths.ts'
import { startProgram } from './support/program.ts'

async function ringscope<T>(...args: string[]): Promise<T> {
  const program = startProgram(process.execPath, ['bin/ringscope.mjs', ...args, '--json'], { cwd: root, env: cleanEnvironment(temporaryFolder()) })
  expect((await program.exited).code, program.stderr()).toBe(0)
  return JSON.parse(program.stdout()) as T
}

const installed = existsSync(join(root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node'))

describe.skipIf(!installed)(`TensorFlow in rank processes${installed ? '' : ' (skipped: "npm run backend:tensorflow" installs it)'}`, () => {
  it('runs a ring forward and backward, verified, and gives the same output as the fused kernel', async () => {
    const results: RunResult[] = []
    for (const backend of ['tensorflow', 'wasm']) {
      results.push(await ringscope<RunResult>('run', 'fixtures/configs/2-ranks-zigzag-causal.json', '--set', `backend=${backend}`,
        '--set', 'pass=forward-backward', '--set', 'seqLen=1023', '--set', 'kvHeads=2', '--set', 'iterations=1', '--set', 'warmup=0'))
    }
    const [tensorflow, wasm] = results
    expect(tensorflow.backend).toBe('tensorflow')
    expect(tensorflow.device).toMatch(/^TensorFlow, (CPU|GPU)/)
    expect(tensorflow.verification?.passed).toBe(true)
    expect(tensorflow.verification?.checkedGradRows).toBeGreaterThan(0)
    const [one, other] = [tensorflow, wasm].map(({ outputChecksum }) => outputChecksum ?? Number.NaN)
    expect(Math.abs(one - other)).toBeLessThan(tensorflow.device.includes('GPU') ? 5e-3 * Math.abs(other) + 1 : 1e-4 * Math.abs(other) + 1e-3)
  })

  it('is tried by the doctor in a process of its own', async () => {
    const { backends } = await ringscope<DoctorReport>('doctor')
    const check = backends.find(({ id }) => id === 'tensorflow')
    expect(check?.status, check?.detail).toBe('works')
    expect(check?.detail).toMatch(/^TensorFlow, .*; a small attention is right to \d+e-\d+$/)
  })
})
