/** Kernel types of HolisticTraceAnalysis. */
export type HtaKind = 'computation' | 'communication' | 'memory' | 'other'

/** As in hta/common/types.py; `re.match` there is anchored at the start of the name and case-sensitive. */
const COMMUNICATION = /^(?:nccl|hip|hccl|.*ncclKernel)/
const MEMORY = /^(?:(?:hip)?Memcpy|(?:hip)?Memset|dma)/
const NOT_COMPUTATION = new RegExp('^(?:nccl|.*Memcpy|.*Memset|.*dma|.*Sync|Stream Wait Event|cuda.*LaunchKernel|runFunction|hip|job_exe|' +
  'packet|pe_exe|cpum_exe_subgraph|hccl|collective_subgraph_execution)')

/**
 * What HolisticTraceAnalysis takes a GPU kernel, copy or fill for, by its name: hta/utils/utils.py `get_kernel_type`, tests
 * in its order, quirks kept (what starts with `hip` communicates, custom all-reduce kernels compute). Only for figures that
 * are to be compared with HTA's; ours go by the classifier.
 */
export function htaKind(name: string): HtaKind {
  if (COMMUNICATION.test(name)) return 'communication'
  if (MEMORY.test(name)) return 'memory'
  return NOT_COMPUTATION.test(name) ? 'other' : 'computation'
}
