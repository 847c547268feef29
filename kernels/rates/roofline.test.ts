import { beforeAll, describe, expect, it } from 'vitest'
import { buildKernels } from '../../scripts/build-kernels.mjs'
import { loadKernel } from '../backends/wasm/kernelModule.ts'
import { levelBuffers } from './buffers.ts'
import { rooflineSchema } from './protocol.ts'
import { measureRoofline } from './roofline.ts'

const KIB = 2 ** 10
const MIB = 2 ** 20
const GIB = 2 ** 30

describe('the buffers of the bandwidths', () => {
  it('are half of each cache, and several times the last one for memory', () => {
    expect(levelBuffers({ l1d: 32 * KIB, l2: 512 * KIB, l3: 8 * MIB }, 64 * GIB)).toEqual([
      { level: 'l1', bytes: 16 * KIB }, { level: 'l2', bytes: 256 * KIB }, { level: 'l3', bytes: 4 * MIB }, { level: 'memory', bytes: 64 * MIB },
    ])
  })

  it('of a huge shared L3: the part that a kernel may use, and no more memory than 1 GiB', () => {
    expect(levelBuffers({ l1d: 48 * KIB, l2: 2 * MIB, l3: 480 * MIB }, 64 * GIB).slice(2)).toEqual([
      { level: 'l3', bytes: 32 * MIB }, { level: 'memory', bytes: GIB },
    ])
  })

  it('leave out what is unknown, and memory where there is not enough of it to get past the caches', () => {
    expect(levelBuffers({ l1d: null, l2: null, l3: null }, 8 * GIB).map(({ level }) => level)).toEqual(['memory'])
    expect(levelBuffers({ l1d: 48 * KIB, l2: 2 * MIB, l3: 480 * MIB }, GIB).map(({ level }) => level)).toEqual(['l1', 'l2', 'l3'])
    expect(levelBuffers({ l1d: 64 * KIB, l2: 2 * MIB, l3: 2 * MIB }, 8 * GIB).map(({ level }) => level)).toEqual(['l1', 'l2', 'memory'])
  })
})

describe('the loops of the roofline', () => {
  let kernelsDir: string
  beforeAll(async () => { kernelsDir = await buildKernels() })

  it.each(['simd', 'relaxed'] as const)('read every byte and take every exponential, in the %s build', async (build) => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    const { kernel } = await loadKernel(kernelsDir, memory, [build])
    const words = new Uint32Array(memory.buffer, 4096, 256)
    words.forEach((_, at) => { words[at] = Math.imul(at + 1, 2654435761) })
    kernel.readAll(4096, 1024, 3, 0)
    const sums = [0, 1, 2, 3].map((lane) => words.reduce((sum, word, at) => (at % 4 === lane ? sum ^ word : sum), 0) >>> 0)
    expect([...new Uint32Array(memory.buffer, 0, 4)]).toEqual(sums)

    const exponents = new Float32Array(memory.buffer, 8192, 32)
    exponents.forEach((_, at) => { exponents[at] = -at / 4 })
    kernel.exponentials(8192, 32, 2, 512)
    const sum = new Float32Array(memory.buffer, 512 + 64, 4).reduce((total, part) => total + part, 0)
    expect(sum).toBeCloseTo(2 * exponents.reduce((total, exponent) => total + 2 ** exponent, 0), 4)
  })

  it('measure what there is of this machine', async () => {
    const roofline = await measureRoofline({ kind: 'roofline', kernelsDir, caches: { l1d: 32 * KIB, l2: null, l3: null } })
    expect(rooflineSchema.parse(roofline)).toEqual(roofline)
    expect(roofline.levels.map(({ level }) => level)).toEqual(['l1', 'memory'])
  })

  it('say what is wrong where there is no kernel', async () => {
    await expect(measureRoofline({ kind: 'roofline', kernelsDir: '/nowhere', caches: { l1d: null, l2: null, l3: null } }))
      .rejects.toThrow(/cannot read the compiled kernel/)
  })
})
