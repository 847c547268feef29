import { describe, expect, test } from 'vitest'
import { traceOf } from '../timeline/testTrace.ts'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { categoryTotals, comparedName, spanTotals } from './spanTotals.ts'

describe('the name that a span is compared under', () => {
  test.each([
    ['ProfilerStep#1009', 'ProfilerStep#*'],
    ['ProfilerStep 7', 'ProfilerStep *'],
    ['ring attention iteration #12', 'ring attention iteration #*'],
    ['step 3 · KV of rank 1', 'step 3 · KV of rank *'],
    ['send KV of rank 7 → rank 0', 'send KV of rank * → rank *'],
    ['wait on 0x7f3a00c0', 'wait on 0x*'],
    ['## Call CompiledFxGraph fbqzx5ayd3ktrhp2i7kmw7xj3lzq4wyb2c ##', '## Call CompiledFxGraph * ##'],
  ])('%s is %s', (name, compared) => { expect(comparedName(name)).toBe(compared) })

  test.each([
    'volta_sgemm_128x32_nt', 'void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>, at::detail::Array<char*, 1> >(int)',
    'triton_poi_fused_add_0', 'finish output', 'sm80_xmma_gemm_f32f32_f32f32_f32_tn_n_tilesize32x32x8_stage3_warpsize1x2x1_ffma_aligna4_alignc4_execute_kernel__5x_cublas',
    'flash_fwd_splitkv_kernel', 'ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)',
  ])('%s stays as it is', (name) => { expect(comparedName(name)).toBe(name) })
})

describe('totals of spans', () => {
  const { compute, other } = CATEGORY_CODE
  const timeline = traceOf({
    lanes: [{ rank: 0, name: 'stream 7', pid: 0, tid: 7 }],
    spans: [
      { lane: 0, category: compute, name: 'gemm', startNs: 0, durationNs: 1e6 }, { lane: 0, category: compute, name: 'gemm', startNs: 2e6, durationNs: 3e6 },
      { lane: 0, category: other, name: 'gemm', startNs: 6e6, durationNs: 0 }, { lane: 0, category: compute, name: 'late', startNs: 9e6, durationNs: 1e6 },
    ],
  })
  const windowOf = (span: number): number => (span < 3 ? span % 2 : -1)

  test('go by name and category; what is in no window is left out', () => {
    expect(spanTotals(timeline, windowOf)).toEqual([
      { name: 'gemm', category: 'compute', count: 2, totalMs: 4 }, { name: 'gemm', category: 'other', count: 1, totalMs: 0 },
    ])
  })

  test('marks are no spans', () => {
    if (timeline.trace === null) throw new TypeError('no trace')
    const marked = { ...timeline, trace: { ...timeline.trace, form: Uint8Array.of(0, 1, 0, 0) } }
    expect(spanTotals(marked, windowOf)[0]).toMatchObject({ count: 1, totalMs: 1 })
  })

  test('by category of every window; one that has none is not named', () => {
    expect(categoryTotals(timeline, 2, windowOf)).toEqual([{ compute: 1, other: 0 }, { compute: 3 }])
  })
})
