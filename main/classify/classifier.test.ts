import { describe, expect, test } from 'vitest'
import { type Classified, createClassifier } from './classifier.ts'
import { htaKind } from './htaKinds.ts'
import { parseClassificationRules } from './rules.ts'

const { classify, classifyDevice } = createClassifier()
const kindOf = (name: string): string => {
  const { category, kind } = classify('kernel', name)
  return `${category}: ${kind}`
}

describe('kernels by name', () => {
  test.each([
    ['void pytorch_flash::flash_fwd_kernel<pytorch_flash::Flash_fwd_kernel_traits<128, 128, 64, 4, cutlass::bfloat16_t>>'],
    ['void cutlass::device_kernel<flash::FlashAttnFwdSm90<flash::CollectiveMainloopFwdSm90<2>>>'],
    ['fmha_cutlassF_bf16_aligned_64x128_rf_sm80(PyTorchMemEffAttention::AttentionKernel)'],
    ['cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7_128x128x128_4x1x1_cga1x1x1_kernel0_0'],
    ['_ZN7ck_tile6kentryILi256ELi2ENS_13FmhaFwdKernelI'],
    ['aiter::fmha_fwd_hd128_bf16_causal_rtna'],
    ['_attn_fwd'], ['attn_fwd.kd'], ['_fwd_kernel'], ['triton_tem_fused_flex_attention_0'], ['kernel_unified_attention_2d'],
    ['void flashinfer::BatchPrefillWithRaggedKVCacheKernel<flashinfer::KernelTraits>'],
    ['splash_mha_fwd_residuals'], ['flash_attention.3'], ['FlashAttentionScore'],
    ['void vllm::paged_attention_v1_kernel<unsigned short, 128>'], ['fmha_v2_flash_attention_bf16_64_128_S_q_paged_kv_128_causal_sm90_kernel'],
  ])('attention: %s', (name) => { expect(kindOf(name)).toBe('compute: attention') })

  test.each([
    ['void flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel<Flash_bwd_kernel_traits<128, 64, 128, 8>>'],
    ['void flash_bwd_dot_do_o_kernel<true, Flash_bwd_kernel_traits<128>>'],
    ['flash::FlashAttnBwdPreprocess'], ['fmha_cutlassB_bf16_aligned_128x64_k128_sm80'],
    ['cudnn_generated_fort_native_sdpa_sm90_flash_bprop_wgmma_f16'], ['_attn_bwd'], ['bwd_kernel_dk_dv'], ['_bwd_preprocess_do_o_dot'],
    ['splash_mha_dkv_no_residuals'], ['FlashAttentionScoreGrad'], ['triton_tem_fused_flex_attention_backward_1'],
    ['ck_tile::FmhaBwdDQDKDVKernel'],
  ])('attention backward: %s', (name) => { expect(kindOf(name)).toBe('compute: attention backward') })

  test.each([
    ['triton__update_out_and_lse'], ['void flash_fwd_splitkv_combine_kernel<Flash_fwd_kernel_traits<128>>'], ['thd_out_correction_kernel'],
    ['flashinfer::PersistentVariableLengthMergeStatesKernel'], ['RingAttentionUpdate'],
  ])('folding a partial output: %s', (name) => { expect(kindOf(name)).toBe('compute: attention merge') })

  test.each([
    ['ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)', 'NCCL'],
    ['ncclKernel_AllReduce_RING_LL_Sum_float(ncclWorkElem)', 'NCCL'],
    ['ncclDevKernel_Generic_4(ncclDevKernelArgsStorage<4096ul>)', 'RCCL'],
    ['void rcclGenericKernel<1, false>(ncclDevKernelArgsStorage<4096ul>)', 'RCCL'],
    ['hcom_allReduce__123_0_1', 'HCCL'],
    ['oneccl_allreduce_large', 'oneCCL'], ['gloo:all_reduce', 'gloo'],
    ['void vllm::cross_device_reduce_1stage<__nv_bfloat16, 8>', 'custom all-reduce'],
    ['tensorrt_llm::kernels::oneShotAllReduceKernel<__nv_bfloat16, 8>', 'custom all-reduce'],
    ['void trtllm_allreduce_fusion::twoshot_allreduce_kernel', 'custom all-reduce'],
    ['nvshmem_quiet_kernel', 'NVSHMEM'], ['void c10d::symmetric_memory::multimem_all_reduce_kernel<float>', 'symmetric memory'],
    ['kuserbuffers_pushrecv', 'userbuffers'],
    ['all-reduce-start.17', 'XLA collective'], ['collective-permute-done.2', 'XLA collective'], ['recv-done.4', 'XLA collective'],
  ])('communication: %s is %s', (name, kind) => { expect(kindOf(name)).toBe(`communication: ${kind}`) })

  test.each([
    ['Memcpy PtoP (Device -> Device)', 'memory: memory copy'], ['Memset (Device)', 'memory: memory fill'],
    ['CopyDeviceToDevice', 'memory: memory copy'], ['__amd_rocclr_fillBufferAligned', 'memory: memory fill'],
    ['nvjet_hsh_128x256_64x4_2x1_v_bz_coopA_TNT', 'compute: matrix multiply'],
    ['Cijk_Alik_Bljk_BBS_BH_Bias_HAS_SAV_UserArgs_MT32x32x64', 'compute: matrix multiply'],
    ['sm80_xmma_gemm_bf16bf16_bf16f32_f32_tn_n', 'compute: matrix multiply'],
    ['void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float, float>', 'compute: normalisation'],
    ['void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>>', 'compute: elementwise'],
    ['triton_poi_fused_native_0', 'compute: Triton'], ['loop_add_fusion_3', 'compute: XLA fusion'],
    ['Stream Wait Event', 'other: synchronization'], ['while.3', 'other: XLA control flow'],
  ])('%s is %s', (name, expected) => { expect(kindOf(name)).toBe(expected) })

  test('one that no rule knows computes, and has no kind', () => {
    expect(classify('kernel', 'my_kernel')).toEqual({ category: 'compute', kind: '', band: 'kernels' })
  })
})

describe('events by category', () => {
  test.each<[string | null, string, Classified]>([
    ['Kernel', '_attn_fwd', { category: 'compute', kind: 'attention', band: 'kernels' }],
    ['Memcpy', 'Memcpy HtoD (Pinned -> Device)', { category: 'memory', kind: 'memory copy', band: 'kernels' }],
    ['gpu_user_annotation', 'nccl:all_to_all', { category: 'other', kind: '', band: 'annotations' }],
    ['cuda_sync', 'Stream Sync', { category: 'other', kind: '', band: 'synchronization' }],
    ['cpu_op', 'aten::_scaled_dot_product_flash_attention', { category: 'other', kind: '', band: '' }],
    ['user_annotation', 'nccl:send', { category: 'other', kind: '', band: '' }],
    ['wait-peer', 'wait for rank 3', { category: 'wait-peer', kind: '', band: '' }],
    [null, 'main loop', { category: 'other', kind: '', band: '' }],
    [null, 'ncclDevKernel_SendRecv', { category: 'communication', kind: 'NCCL', band: '' }],
  ])('%s %s', (cat, name, expected) => { expect(classify(cat, name)).toEqual(expected) })

  test('what runs on a device whose trace has no categories is a kernel, but not what encloses operations', () => {
    expect(classifyDevice('loop_add_fusion_3', 'Stream #20(Compute)')).toEqual({ category: 'compute', kind: 'XLA fusion', band: '' })
    expect(classifyDevice('MemcpyD2H')).toMatchObject({ category: 'memory', kind: 'memory copy' })
    expect(classifyDevice('42', 'Steps')).toEqual({ category: 'other', kind: '', band: 'annotations' })
  })
})

describe("the user's rules", () => {
  const own = createClassifier(parseClassificationRules(JSON.stringify({ rules: [
    { match: 'ncclDevKernel_SendRecv', kind: 'ring hop', category: 'communication' },
    { match: '(?i:^MY_)', kind: 'attention', category: 'compute' },
    { match: '^my_copy', kind: 'too late', category: 'memory' },
    { match: 'hop', cat: 'CPU_OP', kind: 'host hop', category: 'communication' },
  ] }), 'classification.json'))

  test('go before ours, the first that matches decides, and others fall through to ours', () => {
    expect(own.classify('kernel', 'ncclDevKernel_SendRecv(x)').kind).toBe('ring hop')
    expect(own.classify('kernel', 'my_copy')).toMatchObject({ kind: 'attention', category: 'compute' })
    expect(own.classifyDevice('my_copy').kind).toBe('attention')
    expect(own.classify('kernel', 'ncclDevKernel_AllReduce').kind).toBe('NCCL')
  })

  test('reach host activity only where they name its category', () => {
    expect(own.classify('cpu_op', 'my_kernel')).toEqual({ category: 'other', kind: '', band: '' })
    expect(own.classify('cpu_op', 'hop 3')).toEqual({ category: 'communication', kind: 'host hop', band: '' })
    expect(own.classify('kernel', 'hop 3').kind).toBe('')
  })
})

describe("HTA's kinds keep HTA's quirks", () => {
  test.each([
    ['ncclDevKernel_SendRecv', 'communication'], ['void my::ncclKernel_x', 'communication'], ['hipLaunchKernel', 'communication'],
    ['void rcclGenericKernel', 'computation'], ['cross_device_reduce_1stage', 'computation'], ['NcclKernel', 'computation'],
    ['Memcpy DtoD', 'memory'], ['hipMemcpyAsync', 'communication'], ['dma_copy', 'memory'],
    ['my Memcpy', 'other'], ['Stream Sync', 'other'], ['packet', 'other'], ['_attn_fwd', 'computation'],
  ])('%s is %s', (name, kind) => { expect(htaKind(name)).toBe(kind) })
})
