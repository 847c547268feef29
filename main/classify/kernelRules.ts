import type { RuleCategory } from './rules.ts'

/** One line of the table: names that match are of this kind. */
export interface KernelRule {
  readonly kind: string
  readonly category: RuleCategory
  readonly name: RegExp
}

/** Kinds that rings are recognised by. */
export const ATTENTION = 'attention'
export const ATTENTION_BACKWARD = 'attention backward'
export const ATTENTION_MERGE = 'attention merge'

const rule = (category: RuleCategory, kind: string, name: RegExp): KernelRule => ({ kind, category, name })

/** Folding a block's partial output into the sum: of split kernels, flashinfer, ring-flash-attn, Transformer Engine, Ascend. */
const MERGE = /update_out_and_lse|out_?correction|lse_?correction|thd_(?:lse|second_half_lse)|merge_?(?:attn_)?states?|MergeStates|RingAttentionUpdate|ring_attention_update|splitkv_combine|FlashAttnFwdCombine|log_?sigmoid\w*sub|sub\w*log_?sigmoid|attn_?merge|ring_merge/i

/**
 * Fused attention: flash-attn 1 to 4, PyTorch's copies of them, xFormers and CUTLASS fmha, cuDNN's sdpa, Transformer Engine,
 * Composable Kernel and AITER, Triton's tutorial kernels and those made from them, AOTriton, FlexAttention, flashinfer,
 * TensorRT-LLM, vLLM, SageAttention, TPU splash and flash attention, Ascend.
 */
const ATTENDS = [
  'flash_?(?:attn|attention|fwd|bwd|mla|decod|prefill)', 'flash_fprop', 'flash_bprop', 'fmha', 'sdpa', 'scaled_dot_product', 'mem_?eff(?:icient)?_?att', 'Attention(?:Backward)?Kernel',
  '_attn_(?:fwd|bwd)', '^attn_(?:fwd|bwd)', '(?:^|_)attention(?:_kernel|_fwd|_bwd|_2d|_3d)', 'flex_?attention', 'flex_?decoding', 'ring_?att', 'splash', 'paged_?att',
  'bwd_kernel_d(?:k_?dv|q)', '^_(?:fwd|bwd)_kernel$', '^_bwd_preprocess', '^bwd_preprocess', '^_fwd_(?:grouped_)?kernel_stage[12]',
  'fused_attn', 'unified_attention', '(?:Prefill|Decode)With\\w*KV_?Cache', 'BatchMLA', 'masked_multihead_attention', 'mmha', '(?:^|_)xqa', 'mha_(?:fwd|bwd|varlen)', 'sage_?att', 'qk_int_sv',
  'FlashAttentionScore', 'InferAttentionScore', 'IncreFlashAttention',
].join('|')
const BACKWARD = 'bwd|backward|bprop|Grad\\b|ScoreGrad|_dkv|_dq|cutlassB|dk_?dv|convert_dq'

/**
 * What device work is, by its name; in order, the first match decides. Communication first: its names are the surest, and
 * kernels that fuse it with something else (an all-reduce with a normalisation) still wait for peers.
 */
export const KERNEL_RULES: readonly KernelRule[] = [
  rule('communication', 'HCCL', /hccl|^hcom_/i),
  rule('communication', 'RCCL', /rccl|ncclDevKernel_Generic/i),
  rule('communication', 'NCCL', /nccl/i),
  rule('communication', 'oneCCL', /oneccl|(?:^|[^a-z])ccl[_:]/i),
  rule('communication', 'gloo', /\bgloo\b/i),
  rule('communication', 'MSCCL', /msccl/i),
  rule('communication', 'NVSHMEM', /nvshmem|rocshmem|roc_shmem|ishmem/i),
  rule('communication', 'symmetric memory', /symm(?:etric)?_?mem|multimem_|(?:put|wait)_signal_kernel/i),
  rule('communication', 'custom all-reduce', new RegExp('cross_device_reduce|(?:one|two)_?shot_?(?:all|push|pull)|custom_?(?:ar\\b|all_?reduce)|quick_?reduce|' +
    'all_?reduce_?(?:fusion|norm|kernel)|allReduceNorm|lamport|trtllm_\\w*all_?reduce|reduce_scatter_kernel|all_gather_kernel', 'i')),
  rule('communication', 'userbuffers', /userbuffers/i),
  rule('communication', 'DeepEP', /deep_ep::/),
  rule('communication', 'XLA collective', /^%?(?:async-)?(?:(?:ragged-)?all-to-all|all-reduce|all-gather|reduce-scatter|collective(?:-permute|-broadcast)?)(?![a-z_])/),
  rule('communication', 'XLA collective', /^%?(?:send|recv)(?:-done)?(?:\.\d+)?$/),

  rule('memory', 'memory copy', /^(?:hip)?Memcpy|^dma|^Copy(?:Host|Device)To|rocclr_copyBuffer|^zeCommandListAppendMemoryCopy|^copy(?:-start|-done)?(?:\.\d+)?$/),
  rule('memory', 'memory fill', /^(?:hip)?Memset|^FillBuffer|rocclr_fillBuffer|^zeCommandListAppendMemoryFill/),

  rule('other', 'synchronization', /^(?:Event|Stream|Context|Device) Sync|^Stream Wait Event|^\w*Synchronize\b|^Notify_Wait|^EVENT_WAIT|^Marker/),
  rule('other', 'runtime record', /^cuda\w*LaunchKernel|^hip\w*LaunchKernel|^runFunction|^job_exe|^packet|^pe_exe|^cpum_exe_subgraph|^collective_subgraph_execution/),
  // Contain the operations that they run, and the idle time between them.
  rule('other', 'XLA control flow', /^%?(?:while|conditional|call)(?:\.\d+)?$/),
  rule('other', 'XLA module', /^jit_\w+(?:\(\d+\))?$/),

  rule('compute', ATTENTION_MERGE, MERGE),
  rule('compute', ATTENTION_BACKWARD, new RegExp(`^(?=.*(?:${ATTENDS}))(?=.*(?:${BACKWARD}))`, 'is')),
  rule('compute', ATTENTION, new RegExp(ATTENDS, 'i')),
  rule('compute', 'softmax', /softmax/i),
  rule('compute', 'normalisation', /(?:layer|batch|rms|group|instance)_?norm|[:_]bn_(?:fw|bw)|RowwiseMoments|GammaBeta|\bln_(?:fwd|bwd)|rmsnorm/i),
  rule('compute', 'rotary embedding', /rotary|rope_?(?:kernel|fwd|bwd|embed)|fused_rope/i),
  rule('compute', 'embedding', /embedding|indexSelect/i),
  rule('compute', 'layout and copy', /nchwTo|nhwcTo|batched_transpose/),
  rule('compute', 'convolution', /conv(?!ert)|winograd|[fdw]grad|fprop|im2col|col2im|cudnn|cask|igemm_|miopen/i),
  rule('compute', 'matrix multiply', /gemm|gemv|cublas|cutlass|^Cijk_|xmma|nvjet|matmul|hipblas|tensorop|(?:^|[^a-z])b?mm(?:_|\b)|splitKreduce|^%?dot(?:_|\.\d|$)|_dot_|addmm/i),
  rule('compute', 'optimizer', /multi_tensor_apply|adam|adagrad|(?:^|[^a-z])sgd|lamb_|optimizer/i),
  rule('compute', 'mixture of experts', /moe_|_moe|topk_?gating|expert|token_?permut/i),
  rule('compute', 'sort and scan', /radix|\bcub::|DeviceScan|DeviceReduce|DeviceSelect|sort|thrust::|histogram/i),
  rule('compute', 'reduction', /reduce_kernel|reduction|reduce_1Block|^%?reduce(?:-window)?(?:\.\d+)?$/i),
  rule('compute', 'layout and copy', /transpose|permute|CatArray|copy_kernel|copy_device_to_device|nchwTo|nhwcTo|gather|scatter|index_|concat|recat|pad_/i),
  rule('compute', 'random', /distribution_|philox|dropout|rng/i),
  rule('compute', 'loss', /nll_loss|cross_entropy|ClassNLL|mse_/i),
  rule('compute', 'pooling', /pool/i),
  rule('compute', 'elementwise', /elementwise|fused_(?:add|mul|sub|gelu|silu)|silu|gelu|TensorOp|Functor|convert/i),
  rule('compute', 'Triton', /^triton_|^_?\w+_triton/),
  rule('compute', 'XLA fusion', /fusion|^wrapped_|^%?(?:custom-call|convert|broadcast|select|add|multiply|subtract|divide|exponential|slice|dynamic-slice|dynamic-update-slice|reshape|bitcast|iota)(?:\.\d+)?$/),
  rule('compute', 'PyTorch kernel', /\bat::native\b|\bat::|\bc10::|fbgemm/),
]
