import { type SpanCategory, SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'

/** The patterns of HolisticTraceAnalysis (hta/common/types.py), matched at the start of the name and case-sensitive as there. */
const COMMUNICATION = /^(?:nccl|hip|hccl|.*ncclKernel)/
const MEMORY = /^(?:(?:hip)?Memcpy|(?:hip)?Memset|dma)/
const NOT_COMPUTATION = new RegExp('^(?:nccl|.*Memcpy|.*Memset|.*dma|.*Sync|Stream Wait Event|cuda.*LaunchKernel|runFunction|hip|job_exe|' +
  'packet|pe_exe|cpum_exe_subgraph|hccl|collective_subgraph_execution)')

/** What a GPU kernel, copy or fill does, by its name; the order of the tests is HTA's. */
export function kernelKind(name: string): Extract<SpanCategory, 'communication' | 'memory' | 'compute' | 'other'> {
  if (COMMUNICATION.test(name)) return 'communication'
  if (MEMORY.test(name)) return 'memory'
  return NOT_COMPUTATION.test(name) ? 'other' : 'compute'
}

const KERNEL_CATEGORIES = new Set(['kernel', 'gpu_memcpy', 'gpu_memset', 'memcpy', 'memset'])
/** GPU-side records that share a track with kernels and are none. */
const BESIDE_KERNELS: Readonly<Record<string, string>> = { gpu_user_annotation: 'annotations', cuda_sync: 'synchronization' }

export interface Classified {
  readonly category: SpanCategory
  /** Spans of one track with different bands go to lanes of their own; '' is the track's main one. */
  readonly band: '' | 'kernels' | 'annotations' | 'synchronization'
}

const isSpanCategory = (text: string): text is SpanCategory => (SPAN_CATEGORIES as readonly string[]).includes(text)

/** Category and band of an event by its `cat` and name. Kineto's old spellings (Kernel, Memcpy) count as the new ones. */
export function classify(cat: string | null, name: string): Classified {
  if (cat === null) return { category: name.startsWith('nccl') ? 'communication' : 'other', band: '' }
  if (isSpanCategory(cat)) return { category: cat, band: '' }
  const lower = cat.toLowerCase()
  if (KERNEL_CATEGORIES.has(lower)) return { category: kernelKind(name), band: 'kernels' }
  const beside = BESIDE_KERNELS[lower]
  return { category: 'other', band: beside === 'annotations' || beside === 'synchronization' ? beside : '' }
}
