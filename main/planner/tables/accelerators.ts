import type { AcceleratorEntry } from '../../../preload/contract/planner.ts'

const SHEET = 'peak and memory: data sheet, not checked'
const ZHUZILIN = 'from the measured "theoretic" iterations of zhuzilin/ring-flash-attention (reference section 1.1), FlashAttention-2, causal, 8k tokens'
const ASSUMED = 'efficiency assumed, not checked'

type Figures = readonly [peakTflops: number, forward: number, backward: number, memoryGB: number, memoryGBps: number, l2MB: number | null]

const entry = (id: string, label: string, figures: Figures, source: string): AcceleratorEntry => {
  const [peakTflops, forwardEfficiency, backwardEfficiency, memoryGB, memoryGBps, l2MB] = figures
  return { id, label, peakTflops, forwardEfficiency, backwardEfficiency, memoryGB, memoryGBps, l2MB, source }
}

/**
 * Rates of attention kernels as shares of the dense 16-bit peak. Those of zhuzilin follow from its published rates: a causal
 * forward pass over 8192 tokens with 32 heads of 128 is 4 · 32 · 128 · 8192 · 8193 / 2 = 5.5e11 operations, and one GPU makes
 * eight times the "theoretic" iterations of eight (46.7/s on A100: 205 TFLOP/s; with backward 11.8/s: 174 TFLOP/s in it).
 * L2 sizes: reference section 6.3.
 */
export const ACCELERATORS: readonly AcceleratorEntry[] = [
  entry('a100-sxm', 'A100 SXM 80 GB', [312, 0.66, 0.56, 80, 2039, 40], `${SHEET}; efficiency ${ZHUZILIN}`),
  entry('a100-pcie', 'A100 PCIe 80 GB', [312, 0.6, 0.5, 80, 1935, 40], `${SHEET}; ${ASSUMED}: the SXM's less what its lower power takes`),
  entry('h100-sxm', 'H100 SXM', [989, 0.62, 0.5, 80, 3350, 50],
    `${SHEET}; forward: FlashAttention-3 at 8k tokens, 614 TFLOP/s (pytorch/benchmark pull request 2391); backward assumed, not checked`),
  entry('h100-pcie', 'H100 PCIe', [756, 0.55, 0.45, 80, 2000, 50], `${SHEET}; ${ASSUMED}`),
  entry('h800-sxm', 'H800 SXM (FlashAttention-2)', [989, 0.33, 0.29, 80, 3350, 50], `${SHEET}; efficiency ${ZHUZILIN}`),
  entry('h200', 'H200', [989, 0.62, 0.5, 141, 4800, 50], `${SHEET}; efficiency that of the H100, not checked`),
  entry('b200', 'B200', [2250, 0.65, 0.5, 180, 8000, 126], `${SHEET}; ${ASSUMED}`),
  entry('rtx4090', 'RTX 4090', [165, 0.8, 0.7, 24, 1008, 72], `${SHEET} (peak: reference section 3, not verified there); ${ASSUMED}`),
  entry('l40s', 'L40S', [362, 0.5, 0.4, 48, 864, 96], `${SHEET}; ${ASSUMED}`),
  entry('mi250x-gcd', 'MI250X, one of its two dies', [191.5, 0.45, 0.35, 64, 1638, 8], `${SHEET}; ${ASSUMED}`),
  entry('mi300x', 'MI300X', [1307, 0.4, 0.3, 192, 5300, 4], `${SHEET} (L2 of each of eight dies); ${ASSUMED}`),
  entry('tpu-v3', 'TPU v3', [123, 0.5, 0.4, 32, 900, null], `peak: Liu et al. 2023 table 2 (reference section 3); memory: data sheet, not checked; ${ASSUMED}`),
  entry('tpu-v4', 'TPU v4', [275, 0.5, 0.4, 32, 1200, null], `peak: Liu et al. 2023 table 2 (reference section 3); memory: data sheet, not checked; ${ASSUMED}`),
  entry('tpu-v5e', 'TPU v5e', [196, 0.5, 0.4, 16, 819, null], `peak: Liu et al. 2023 table 2 (reference section 3); memory: data sheet, not checked; ${ASSUMED}`),
]
