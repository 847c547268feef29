import { beforeAll, describe, expect, it } from 'vitest'
import { mergeRows } from '../../attention/merge.ts'
import { ForwardKernel, type PartialTensors } from './forwardKernel.ts'
import { MaskTensors } from './masks.ts'
import { loadTfjsCpu, loadTfjsWasm } from './runtimes.ts'
import type { TfRuntime } from './tfcore.ts'
import { MASKED_SCORE } from './tiles.ts'

const HEAD_DIM = 4
/** -1e30 stands for a row without keys on the device, as -Infinity does on the host. */
const LSES = [0, 3.5, -7, 88, -89, 1e4, -1e4, MASKED_SCORE]
const pairs = LSES.flatMap((first) => LSES.map((second) => [first, second] as const))

const values = (from: number): Float32Array => Float32Array.from({ length: pairs.length * HEAD_DIM }, (_, at) => Math.sin(from + at))

describe.each([['tfjs-cpu', loadTfjsCpu], ['tfjs-wasm', loadTfjsWasm]] as const)('joining on %s', (_, load) => {
  let runtime: TfRuntime
  beforeAll(async () => { runtime = await load() })

  const upload = (out: Float32Array, lse: readonly number[]): PartialTensors => ({
    out: runtime.tf.tensor3d(out.slice(), [1, pairs.length, HEAD_DIM]),
    lse: runtime.tf.tensor3d(Float32Array.from(lse), [1, pairs.length, 1]),
  })

  it('is the guarded merge, for near, far and missing rows, and leaks nothing', async () => {
    const before = runtime.tf.memory().numTensors
    const kernel = new ForwardKernel(runtime, new MaskTensors(runtime.tf))
    const [firstOut, secondOut] = [values(0), values(100)]
    const joined = kernel.join(upload(firstOut, pairs.map(([first]) => first)), upload(secondOut, pairs.map(([, second]) => second)))
    const [out, lse] = [await joined.out.data<'float32'>(), await joined.lse.data<'float32'>()]
    kernel.release([joined])
    expect(runtime.tf.memory().numTensors).toBe(before)

    const onHost = (given: number): number => (given === MASKED_SCORE ? -Infinity : given)
    const expected = { out: Float64Array.from(firstOut), lse: Float64Array.from(pairs, ([first]) => onHost(first)) }
    mergeRows(expected, { out: secondOut, lse: Float64Array.from(pairs, ([, second]) => onHost(second)) }, HEAD_DIM)
    pairs.forEach(([first, second], row) => {
      const empty = first === MASKED_SCORE && second === MASKED_SCORE
      if (empty) expect(lse[row]).toBeLessThan(MASKED_SCORE / 2)
      else expect(Math.abs(lse[row] - expected.lse[row])).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected.lse[row])))
      for (let dim = 0; dim < HEAD_DIM; dim++) {
        const at = row * HEAD_DIM + dim
        if (empty) expect(Number.isFinite(out[at])).toBe(true)
        else expect(Math.abs(out[at] - expected.out[at]), `lse ${first} with ${second}`).toBeLessThan(1e-6)
      }
    })
  })

  it('refuses tiles whose keys were not taken in, and a block of rows without tiles', () => {
    const kernel = new ForwardKernel(runtime, new MaskTensors(runtime.tf))
    const query = runtime.tf.tensor3d(new Float32Array(4), [1, 1, 4])
    expect(() => kernel.attend(query, [{ keyBlock: 3, mask: null }], new Map())).toThrow(/key block 3/)
    expect(() => kernel.attend(query, [], new Map())).toThrow(RangeError)
    query.dispose()
  })
})
