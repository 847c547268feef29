import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { deviceEnvironments } from './gpuDevices.ts'
import { idleFieldWarnings, longestSilenceMs, resolveTransport } from './preparation.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { modelledRing, smallRing } from './testing.ts'

const roomy = { available: true, folder: '/dev/shm', freeBytes: 2 ** 30 } as const
const full = { available: true, folder: '/dev/shm', freeBytes: 2 ** 20 } as const
const absent = { available: false, reason: 'this system has no /dev/shm' } as const
const NEEDED = 2 ** 21

describe('resolveTransport', () => {
  it('takes shared memory where there is room, and sockets when told to', () => {
    expect(resolveTransport('auto', NEEDED, roomy)).toEqual({ transport: 'shared-memory', warnings: [] })
    expect(resolveTransport('socket', NEEDED, roomy)).toEqual({ transport: 'socket', warnings: [] })
  })

  it.each([[absent, /no \/dev\/shm/], [full, /1\.0 MiB left .*2\.0 MiB/]])('falls back to sockets and says why', (tmpfs, why) => {
    const { transport, warnings } = resolveTransport('auto', NEEDED, tmpfs)
    expect(transport).toBe('socket')
    expect(warnings).toEqual([expect.stringMatching(why)])
  })

  it.each([[absent, /no \/dev\/shm/], [full, /1\.0 MiB left/]])('refuses shared memory by name where there is none', (tmpfs, why) => {
    expect(() => resolveTransport('shared-memory', NEEDED, tmpfs)).toThrow(InvalidInputError)
    expect(() => resolveTransport('shared-memory', NEEDED, tmpfs)).toThrow(why)
  })
})

describe('deviceEnvironments', () => {
  const config = smallRing({ world: 3, backend: 'tensorflow' })
  const devicesOf = (environments: readonly Record<string, string>[]) => environments.map((env) => env['CUDA_VISIBLE_DEVICES'])

  it('gives every rank a GPU of its own, or a turn on one, and says so', async () => {
    const enough = await deviceEnvironments(config, 'tensorflow', async () => ['0', '1', '2', '3'])
    expect(devicesOf(enough.environments)).toEqual(['0', '1', '2'])
    expect(enough.warnings).toEqual([])
    const few = await deviceEnvironments(config, 'tensorflow', async () => ['4', '5'])
    expect(devicesOf(few.environments)).toEqual(['4', '5', '4'])
    expect(few.warnings).toEqual([expect.stringMatching(/3 ranks share 2 GPUs/)])
    expect(few.environments.every((env) => env['TF_FORCE_GPU_ALLOW_GROWTH'] === 'true')).toBe(true)
  })

  it('follows the config, and leaves other backends alone', async () => {
    const chosen = await deviceEnvironments({ ...config, devices: [2, 0, 2] }, 'tensorflow', async () => [])
    expect(devicesOf(chosen.environments)).toEqual(['2', '0', '2'])
    expect((await deviceEnvironments(config, 'wasm', async () => ['0'])).environments).toEqual([{}, {}, {}])
  })
})

describe('longestSilenceMs', () => {
  it('is the longest step of a modelled run, and nothing where the system tells who computes', () => {
    const config = modelledRing(90_000)
    expect(longestSilenceMs(config, planRun(config), 'modelled')).toBeCloseTo(90_000)
    expect(longestSilenceMs(config, planRun(config), 'wasm')).toBe(0)
    const backward = { ...config, pass: 'forward-backward' as const }
    expect(longestSilenceMs(backward, planRun(backward), 'modelled')).toBeCloseTo(2.5 * 90_000)
  })
})

describe('idleFieldWarnings', () => {
  it('names what another algorithm or layout would use and this one does not', () => {
    expect(idleFieldWarnings(smallRing())).toEqual([])
    expect(idleFieldWarnings(smallRing({ window: 2, ulyssesDegree: 4, cyclicWidth: 8 }))).toEqual([
      'window 2 has no effect with algorithm "ring"', 'ulyssesDegree 4 has no effect with algorithm "ring"',
      'cyclicWidth 8 has no effect with layout "zigzag"',
    ])
    expect(idleFieldWarnings(smallRing({ algorithm: 'double-ring', window: 2, layout: 'block-cyclic', cyclicWidth: 8 }))).toEqual([])
    expect(idleFieldWarnings(smallRing({ algorithm: 'hybrid', ulyssesDegree: 2 }))).toEqual([])
  })
})
