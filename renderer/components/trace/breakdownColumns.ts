import type { TraceAnalysis, TraceRankFigures } from '../../../preload/contract/analysis.ts'

type OwnKey = Exclude<keyof TraceRankFigures, 'rank' | 'hta'>
type HtaKey = keyof NonNullable<TraceRankFigures['hta']>

export interface FigureColumn<K> {
  readonly key: K
  readonly label: string
  readonly definition: string
}

/** Definitions: design section 6. U is the length of a union of intervals. */
const COLUMNS: readonly FigureColumn<OwnKey>[] = [
  { key: 'spanUs', label: 'Span', definition: 'From the rank\'s first device span to the end of its last.' },
  { key: 'computeUs', label: 'Compute', definition: 'U(compute): the time in which at least one compute kernel runs.' },
  { key: 'commUs', label: 'Comm', definition: 'U(communication kernels), as recorded: spinning for a late peer included.' },
  { key: 'memoryUs', label: 'Memory', definition: 'U(copies and fills).' },
  { key: 'idleUs', label: 'Idle', definition: 'Span without any device work.' },
  { key: 'overlapUs', label: 'Overlap', definition: 'U(communication) ∩ U(compute).' },
  { key: 'overlapRatio', label: 'of comm', definition: 'Overlap over communication: the share that compute hides.' },
  { key: 'exposedCommUs', label: 'Exposed', definition: 'U(communication) without U(compute): communication that nothing hides.' },
  { key: 'waitUs', label: 'Wait', definition: 'Point-to-point kernels, summed: until the latest kernel that each needs has begun. Waiting for a late peer.' },
  { key: 'transferUs', label: 'Transfer', definition: 'The rest of the point-to-point kernels, summed: bytes under way. Wait and transfer together are their durations.' },
  { key: 'collectiveWaitUs', label: 'Coll. wait', definition: 'Collectives, summed: until the last member has begun.' },
  { key: 'collectiveTransferUs', label: 'Coll. transf.', definition: 'The rest of the collectives, summed.' },
  { key: 'estimatedWaitUs', label: 'Estimated', definition: 'How much of the waiting is estimated, because a peer\'s trace is missing: what a kernel lasts beyond the shortest of its kind, group and bytes.' },
]

/** In our own runs comm is bytes under way; waiting is never part of it. */
const OWN_DEFINITIONS: Partial<Readonly<Record<OwnKey, string>>> = {
  spanUs: 'Sum of the measured iterations.',
  computeUs: 'U(compute): attention arithmetic and merging.',
  commUs: 'U(send, receive): bytes under way, from the first to the last. Waiting is not part of it.',
  memoryUs: 'Copies to the device and from it.',
  idleUs: 'Span without compute.',
  exposedCommUs: 'Bytes under way that compute does not hide.',
  waitUs: 'The peer had not begun to send.',
  transferUs: 'Bytes under way.',
}

/** Columns that say something of a trace: of those that not every trace has, the ones that are not 0 throughout. */
export function columnsFor({ ranks, run }: Pick<TraceAnalysis, 'ranks' | 'run'>): FigureColumn<OwnKey>[] {
  const sometimes = new Set<OwnKey>(['collectiveWaitUs', 'collectiveTransferUs', 'estimatedWaitUs', 'memoryUs'])
  return COLUMNS
    .filter(({ key }) => !sometimes.has(key) || ranks.some((rank) => (rank[key] ?? 0) > 0))
    .map((column) => (run === null ? column : { ...column, definition: OWN_DEFINITIONS[column.key] ?? column.definition }))
}

export const HTA_COLUMNS: readonly FigureColumn<HtaKey>[] = [
  { key: 'spanUs', label: 'Span', definition: 'max(end) - min(ts) over all kernels of the GPU.' },
  { key: 'computeUs', label: 'Compute', definition: 'U(COMPUTATION): kernels whose names HTA takes for compute. RCCL, NVSHMEM and custom all-reduce kernels are among them.' },
  { key: 'commUs', label: 'Comm', definition: 'U(COMMUNICATION): names that begin with nccl, hip or hccl, or contain ncclKernel.' },
  { key: 'memoryUs', label: 'Memory', definition: 'U(MEMORY): names that begin with Memcpy, Memset or dma.' },
  { key: 'idleUs', label: 'Idle', definition: 'Kernel time without U(all kernels).' },
  { key: 'overlapUs', label: 'Overlap', definition: 'U(COMMUNICATION) ∩ U(COMPUTATION).' },
  { key: 'overlapRatio', label: 'of comm', definition: 'HTA\'s overlap_pctg: overlap over U(COMMUNICATION).' },
]
